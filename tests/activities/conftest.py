"""Fixtures of the activities' tests."""

from tests.adapters.dynamodb.conftest import (
    counted,
    dynamodb_settings,
    module_environment,
    table,
)
from tests.knowledge_fixtures import database, embedding_client, embedding_server

__all__ = [
    "counted",
    "database",
    "dynamodb_settings",
    "embedding_client",
    "embedding_server",
    "module_environment",
    "table",
]
