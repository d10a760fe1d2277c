"""Temporal: the client, the encryption of its payloads, and what is logged of activities."""
