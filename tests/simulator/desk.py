"""A stand-in for Parley's API as the operator's view uses it: one person, one conversation."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.http_server import serving
from tests.simulator.shelf import Shelf

OPERATOR_KEY = "an operator's key"
ORGANIZATION = "org_1"
CONVERSATION = "conv_1"
BASE = f"/v1/organizations/{ORGANIZATION}"
STATUS_AFTER = {"takeover": "human", "release": "bot", "close": "closed"}
EMPTY_PAGE: dict[str, Any] = {"items": [], "next_cursor": "2"}


class Parley:
    """Answers in the shapes of the contract and keeps what an operator did."""

    def __init__(self, person: dict[str, Any], *, channel: str) -> None:
        self.url = ""
        self.person = person
        self.channel = channel
        self.status = "bot"
        self.window_is_open = True
        self.said: list[str] = []
        self.keys: list[str] = []
        """Idempotency keys of what changed something."""
        self.citations: list[dict[str, Any]] = []
        """Of the newest answer."""
        self.shelf = Shelf(BASE, self._answer)
        self.routes = [
            *self.shelf.routes,
            Route(f"{BASE}/whatsapp-users", self.people),
            Route(f"{BASE}/channels", self.channels),
            Route(f"{BASE}/quotas", self.quotas),
            Route(f"{BASE}/conversations", self.conversations),
            Route(f"{BASE}/conversations/{{id}}/messages", self.messages),
            Route(f"{BASE}/conversations/{{id}}/messages", self.say, methods=["POST"]),
            Route(f"{BASE}/conversations/{{id}}/{{action}}", self.act, methods=["POST"]),
        ]

    async def people(self, request: Request) -> Response:
        query = request.query_params
        asked = query.get("wa_id"), query.get("user_id")
        known = asked in (
            (self.person["wa_id"], None),
            (None, self.person["user_id"]),
        )
        return self._answer(request, {"items": [{"id": "wau_1"}] if known else []})

    async def channels(self, request: Request) -> Response:
        others = {"id": "chn_0", "phone_number_id": "0"}
        own = {"id": "chn_1", "phone_number_id": self.channel, "assistant_id": "ast_1"}
        return self._answer(request, {"items": [others, own]})

    async def quotas(self, request: Request) -> Response:
        quota = {"quota": "messages_per_day", "soft": None, "hard": 100, "used": 7, "state": None}
        return self._answer(request, {"items": [quota]})

    async def conversations(self, request: Request) -> Response:
        if request.query_params.get("whatsapp_user_id") != "wau_1":
            return self._answer(request, {"items": []})
        if "cursor" not in request.query_params:  # a filtered page may be empty and have a next one
            return self._answer(request, EMPTY_PAGE)
        since = "2026-01-01T10:00:00Z"
        handoff = {
            "reason": "operator",
            "since": since,
            "waiting_since": None,
            "operator": "Bo",
            "returns_at": None,
        }
        conversation = {
            "id": CONVERSATION,
            "channel_id": "chn_1",
            "status": self.status,
            "handoff": handoff if self.status == "human" else None,
            "limited_by": None,
            "limited_until": None,
        }
        return self._answer(request, {"items": [conversation], "next_cursor": None})

    async def messages(self, request: Request) -> Response:
        items = [
            {"id": "msg_3", "status": "read", "type": "text", "text": "Until six [1]"}
            | {"citations": self.citations},
            {"id": "msg_2", "status": "uncertain", "type": "text", "text": "Perhaps sent"},
            {"id": "msg_1", "status": "failed", "type": "text", "text": "Too late"}
            | {"error": {"code": 131047, "detail": "More than 24 hours have passed."}},
            {"id": "msg_0", "direction": "inbound", "status": "received", "text": "Hello?"},
            {"id": "msg_9", "status": "failed", "type": "text", "text": "Long ago"},
        ]
        return self._answer(request, {"items": items, "next_cursor": None})

    async def say(self, request: Request) -> Response:
        body = await request.json()
        self.keys.append(request.headers["idempotency-key"])
        if not self.window_is_open:
            closed = {"title": "Conflict", "detail": "The service window is closed."}
            return self._answer(request, closed, status=409)
        self.status = "human"  # whoever writes has it
        self.said.append(body["text"])
        return self._answer(request, {"id": "msg_3", "status": "pending"}, status=201)

    async def act(self, request: Request) -> Response:
        assert await request.body() == b""
        self.keys.append(request.headers["idempotency-key"])
        self.status = STATUS_AFTER[request.path_params["action"]]
        return self._answer(request, {"id": CONVERSATION, "status": self.status})

    def _answer(self, request: Request, body: dict[str, Any], *, status: int = 200) -> Response:
        if request.headers.get("authorization") != f"Bearer {OPERATOR_KEY}":
            return JSONResponse({"detail": "The key is not known."}, status_code=401)
        return JSONResponse(body, status_code=status)


@asynccontextmanager
async def parley(person: dict[str, Any], *, channel: str) -> AsyncIterator[Parley]:
    """The stand-in on a free port."""
    stand_in = Parley(person, channel=channel)
    async with serving(Starlette(routes=stand_in.routes)) as url:
        stand_in.url = url
        yield stand_in
