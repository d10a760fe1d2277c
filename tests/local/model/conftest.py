"""One offline model server for the tests of this folder, and the real SDK that talks to it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from openai import AsyncOpenAI
from starlette.applications import Starlette

from local.model.app import create_app
from local.model.embedder import Embedder


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


@asynccontextmanager
async def serving(app: Starlette) -> AsyncIterator[str]:
    """`app` on a free port of this machine."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            async with asyncio.timeout(20):
                while not server.started:  # noqa: ASYNC110 - uvicorn offers no event to wait for
                    await asyncio.sleep(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task
