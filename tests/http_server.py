"""Serves an ASGI application on a free port of this machine, for the real SDKs to talk to."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from tests.certificates import Certificate


@asynccontextmanager
async def serving(
    application: Any, *, certificate: Certificate | None = None
) -> AsyncIterator[str]:
    """The base URL, `http://127.0.0.1:port`, for as long as the block runs.

    Args:
        certificate: with one, it is `https`.
    """
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(
            uvicorn.Config(
                application,
                log_level="warning",
                lifespan="off",
                access_log=False,
                ssl_certfile=certificate and certificate.certificate,
                ssl_keyfile=certificate and certificate.key,
            )
        )
        task = asyncio.create_task(server.serve(sockets=[listener]))
        async with asyncio.timeout(10):
            while not server.started:  # noqa: ASYNC110 - uvicorn offers nothing to await
                await asyncio.sleep(0.005)
        try:
            scheme = "https" if certificate else "http"
            yield f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task
