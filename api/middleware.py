"""Around every request: its size, its id, one line in the log, its place in the metrics."""

import re
import secrets
import time
from typing import Final

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.metrics import Metrics
from api.problems import Problem, nothing_here, unexpected
from telemetry import get_logger

BODY_LIMIT: Final = 3 * 1024 * 1024
"""Meta's deliveries are at most 3 MB (Webhooks documentation, "Payload size"); ours are smaller."""
UPLOAD_LIMIT: Final = 1024 * 1024 * 1024
"""Of many documents at once, of which none may have more than 100 MB (`api/uploads.py`)."""
UPLOAD_PATH: Final = re.compile(
    r"^/v1/organizations/[^/]+/knowledge-bases/[^/]+/documents(/[^/]+/content)?$"
)
TRACEPARENT: Final = re.compile(r"^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
"""W3C Trace Context, section 3.2."""

_log = get_logger(__name__)


class BodyLimit:
    """Refuses a body that is larger than its route takes, before and while it is read."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if "\x00" in scope["path"]:
            await nothing_here().response()(scope, receive, send)
            return
        limit = UPLOAD_LIMIT if UPLOAD_PATH.match(scope["path"]) else BODY_LIMIT
        problem = Problem(413, f"The body may have at most {limit // (1024 * 1024)} MB here.")
        declared = _header(scope, b"content-length")
        if declared.isdigit() and int(declared[:20]) > limit:
            await problem.response()(scope, receive, send)
            return
        received = 0
        refused = False

        async def counted() -> Message:
            nonlocal received, refused
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                refused = True
                raise problem
            return message

        async def unless_refused(message: Message) -> None:
            # Whatever the application makes of a body that was cut short, this is the answer.
            if not refused:
                await send(message)
            elif message["type"] == "http.response.start":
                await problem.response()(scope, receive, send)

        await self._app(scope, counted, unless_refused)


class RequestLog:
    """One line and one measurement per request: its route, never its path, query or body."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = secrets.token_hex(8)
        parent = TRACEPARENT.match(_header(scope, b"traceparent"))
        trace_id = parent[1] if parent else secrets.token_hex(16)
        scope.setdefault("state", {})["trace_id"] = trace_id
        status, started_response = 500, False
        started = time.perf_counter()

        async def observed(message: Message) -> None:
            nonlocal status, started_response
            if message["type"] == "http.response.start":
                started_response = True
                status = message["status"]
                message["headers"] = [
                    *message.get("headers", []),
                    (b"x-request-id", request_id.encode()),
                ]
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id, trace_id=trace_id):
            try:
                await self._app(scope, receive, observed)
            except Exception as error:
                # Here and not in a handler of the application's, whose answer would bypass us.
                problem = unexpected(error)
                if not started_response:
                    await problem.response()(scope, receive, observed)
            finally:
                seconds = time.perf_counter() - started
                route = getattr(scope.get("route"), "path", "unmatched")
                self._metrics.observe(scope["method"], route, status, seconds)
                _log.info(
                    "request",
                    method=scope["method"],
                    route=route,
                    status=status,
                    milliseconds=round(seconds * 1000, 1),
                )


def _header(scope: Scope, name: bytes) -> str:
    values = [value for key, value in scope["headers"] if key == name]
    return values[0].decode("latin-1") if values else ""
