"""Fixtures of what needs knowledge bases: a migrated database and an embeddings endpoint."""

from collections.abc import AsyncIterator

import pytest
from openai import AsyncOpenAI

from adapters.postgres.database import Database
from migrations import upgrade
from tests.embedding_server import EmbeddingServer
from tests.http_server import serving


@pytest.fixture(scope="module")
async def database(database_url: str) -> AsyncIterator[Database]:
    """The module's own database with the real schema."""
    await upgrade(database_url)
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture
def embedding_server() -> EmbeddingServer:
    return EmbeddingServer()


@pytest.fixture
async def embedding_client(embedding_server: EmbeddingServer) -> AsyncIterator[AsyncOpenAI]:
    """The real SDK, pointed at `embedding_server`."""
    async with (
        serving(embedding_server.application) as url,
        AsyncOpenAI(base_url=f"{url}/v1", api_key="test", max_retries=5) as client,
    ):
        yield client
