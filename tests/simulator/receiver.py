"""A stand-in for a business's webhook: it records what comes and answers as a test wants."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

APP_SECRET = "the app's secret"
VERIFY_TOKEN = "the verify token"
DEADLINE_SECONDS = 15.0


class Receiver:
    """Deliveries in the order they came. `answers` are used up first, then it is 200."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.signatures: list[str] = []
        self.answers: list[int] = []
        self.hold = asyncio.Event()
        """Deliveries are answered only while it is set."""
        self.hold.set()
        self.url = ""
        self._came = asyncio.Condition()

    def values(self) -> list[dict[str, Any]]:
        """The `value` of every delivery."""
        return [change["value"] for change in self.changes()]

    def changes(self) -> list[dict[str, Any]]:
        """Every change of every delivery, with its `field`."""
        return [
            change
            for body in self.bodies
            for entry in json.loads(body)["entry"]
            for change in entry["changes"]
        ]

    def told(self, field: str) -> list[dict[str, Any]]:
        """The `value` of every change of a field."""
        return [change["value"] for change in self.changes() if change["field"] == field]

    def messages(self) -> list[dict[str, Any]]:
        return [item for change in self.changes() for item in change["value"].get("messages", [])]

    def statuses(self) -> list[dict[str, Any]]:
        return [item for change in self.changes() for item in change["value"].get("statuses", [])]

    def signed_correctly(self, position: int) -> bool:
        body = self.bodies[position]
        expected = hmac.new(APP_SECRET.encode(), body, hashlib.sha256).hexdigest()
        return self.signatures[position] == f"sha256={expected}"

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until deliveries made the condition true."""
        async with asyncio.timeout(DEADLINE_SECONDS), self._came:
            await self._came.wait_for(condition)

    async def take(self, request: Request) -> Response:
        body = await request.body()
        self.bodies.append(body)
        self.signatures.append(request.headers.get("x-hub-signature-256", ""))
        async with self._came:
            self._came.notify_all()
        await self.hold.wait()
        return Response(status_code=self.answers.pop(0) if self.answers else 200)

    async def verify(self, request: Request) -> Response:
        if request.query_params.get("hub.verify_token") != VERIFY_TOKEN:
            return Response(status_code=403)
        return PlainTextResponse(request.query_params["hub.challenge"])


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver on a free port."""
    receiver = Receiver()
    routes = [
        Route("/hook", receiver.take, methods=["POST"]),
        Route("/hook", receiver.verify, methods=["GET"]),
    ]
    server = uvicorn.Server(
        uvicorn.Config(Starlette(routes=routes), port=0, log_config=None, lifespan="off")
    )
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
            await asyncio.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    receiver.url = f"http://127.0.0.1:{port}/hook"
    try:
        yield receiver
    finally:
        receiver.hold.set()
        server.should_exit = True
        await serving
