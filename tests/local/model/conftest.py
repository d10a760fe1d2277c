"""One offline model server for the tests of this folder, and the real SDK that talks to it."""

from collections.abc import AsyncIterator, Iterator

import pytest
from openai import AsyncOpenAI

from local.model.app import create_app
from local.model.embedder import Embedder
from tests.local.model.serving import serving


@pytest.fixture(scope="session")
def embedder() -> Iterator[Embedder]:
    with Embedder(threads=2) as embedder:
        yield embedder


@pytest.fixture(scope="session")
async def server_url(embedder: Embedder) -> AsyncIterator[str]:
    async with serving(create_app(embedder)) as url:
        yield url


@pytest.fixture
async def client(server_url: str) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(
        api_key="none", base_url=f"{server_url}/v1", max_retries=0, timeout=60
    ) as client:
        yield client
