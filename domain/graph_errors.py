"""What an error code of Meta's Graph API means for the message that met it, for its number and for
its account. The codes themselves are in `graph_error_codes.py`.

Meta says to branch on `code` alone: titles and HTTP statuses change. Source: WhatsApp Cloud API
error codes, developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes.
"""

from datetime import timedelta
from typing import Final

from domain.graph_error_codes import CODES, GraphErrorCode, Verdict

__all__ = [
    "BLOCKING",
    "NUMBER_THROUGHPUT",
    "GraphErrorCode",
    "Verdict",
    "behaviour_of",
    "probe_every",
    "verdict_of",
    "verdict_of_failure",
]

BLOCKING: Final = frozenset({Verdict.SENDER_BLOCKED, Verdict.ACCOUNT_BLOCKED})
"""Verdicts that keep the queue: the channel is paused, its messages wait."""

NUMBER_THROUGHPUT: Final = 130429
"""The number sends more than Meta takes from it in a second."""
QUALITY_CODES: Final = frozenset({368, 131031, 131048})
"""Meta restricts who goes on sending against these: they are probed rarely."""
PROBE_EVERY: Final = timedelta(minutes=5)
PROBE_QUALITY_EVERY: Final = timedelta(hours=1)

PERMISSIONS: Final = range(200, 300)
"""One meaning for all of them; `CODES` has it under 200."""


def verdict_of(code: int | None, *, http_status: int) -> Verdict:
    """The verdict on an answer that is not a success; `code` is None when it is no Graph error."""
    known = behaviour_of(code)
    return _verdict_of_status(http_status) if known is None else known.verdict


def verdict_of_failure(code: int | None) -> Verdict:
    """The verdict on a `failed` status. The message is lost in any case: Meta had accepted it."""
    known = behaviour_of(code)
    return Verdict.REJECTED if known is None else known.verdict


def behaviour_of(code: int | None) -> GraphErrorCode | None:
    """What is known of a code; None for one that Meta did not document."""
    if code is None:
        return None
    return CODES.get(PERMISSIONS.start if code in PERMISSIONS else code)


def probe_every(code: int | None) -> timedelta:
    """How often one message of a paused channel may try whether it is mended."""
    return PROBE_QUALITY_EVERY if code in QUALITY_CODES else PROBE_EVERY


def _verdict_of_status(http_status: int) -> Verdict:
    if http_status == 429:
        return Verdict.BACK_OFF
    if http_status in (401, 403):
        return Verdict.SENDER_BLOCKED
    # A 2xx or 5xx that carries no Graph answer may come from a proxy after Meta took the message.
    return Verdict.REJECTED if 400 <= http_status < 500 else Verdict.UNCERTAIN
