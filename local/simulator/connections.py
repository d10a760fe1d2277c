"""Cutting a connection under a request, for the faults that leave a caller without an answer."""

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


async def cut(request: Request) -> Response:
    """Reset the connection. What is returned reaches nobody, except where nothing could be cut."""
    transport = request.scope[TRANSPORT]
    if transport is not None:
        transport.abort()
        while (await request.receive())["type"] != "http.disconnect":
            continue
    return Response(status_code=502)
