"""Fixtures of the tests beside it."""

from tests.adapters.dynamodb.conftest import dynamodb_settings, module_environment, table
from tests.knowledge_fixtures import database, embedding_client, embedding_server

__all__ = [
    "database",
    "dynamodb_settings",
    "embedding_client",
    "embedding_server",
    "module_environment",
    "table",
]
