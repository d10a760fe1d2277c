"""Fixtures of the workflows' tests."""

from tests.knowledge_fixtures import database, embedding_client, embedding_server

__all__ = ["database", "embedding_client", "embedding_server"]
