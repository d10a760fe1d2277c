"""Cutting a connection under a request, for the faults that leave a caller without an answer."""

import asyncio
from contextlib import suppress

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

TRANSPORT = "simulator.transport"


class CuttableApp(FastAPI):
    """Keeps the connection's transport at hand.

    uvicorn's `send` is a method of its request cycle, which holds the transport; Starlette's layers
    wrap `send`, so it is looked at out here. Under another server there is nothing to cut.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope[TRANSPORT] = getattr(getattr(send, "__self__", None), "transport", None)
        await super().__call__(scope, receive, send)


async def cut(request: Request, *, after: float) -> Response:
    """Keep silent for `after` seconds or until the caller gives up, then reset the connection.

    What is returned reaches nobody, except where there was no connection to cut.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(after):
            await _disconnected(request)
    transport = request.scope[TRANSPORT]
    if transport is not None:
        transport.abort()
        await _disconnected(request)
    return Response(status_code=502)


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        continue
