"""How many requests a key may make in a minute, and what its answers say of that.

Headers as in draft-ietf-httpapi-ratelimit-headers. The count is in DynamoDB, so all processes share
it; without DynamoDB requests go through uncounted.
"""

import asyncio
import math
import time
from datetime import datetime
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.dynamodb.rate_limits import RateLimits
from adapters.dynamodb.values import utc_now
from api.authentication import Principal
from api.problems import Problem
from telemetry import get_logger

WINDOW_SECONDS: Final = 60
ANSWER_SECONDS: Final = 2.0
"""A count that takes longer is given up: no request should wait for it."""
PAUSE_SECONDS: Final = 10.0
"""After a failure, nothing is counted for so long."""
_STATE_KEY: Final = "rate_limit_headers"

_log = get_logger(__name__)


class RequestLimiter:
    """Counts the requests of keys."""

    def __init__(self, rate_limits: RateLimits, *, requests_per_minute: int) -> None:
        """
        Args:
            requests_per_minute: of a key that has no limit of its own.
        """
        self._rate_limits = rate_limits
        self._requests_per_minute = requests_per_minute
        self._failing = False
        self._paused_until = 0.0

    async def count(self, principal: Principal, *, headers: dict[str, str]) -> None:
        """Count a request; a 429 problem when it is one too many.

        Args:
            headers: gets those that the answer must carry, also that of the problem.
        """
        quota = principal.requests_per_minute or self._requests_per_minute
        headers["RateLimit-Policy"] = f'"default";q={quota};w={WINDOW_SECONDS}'
        if time.monotonic() < self._paused_until:
            return
        now = utc_now()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                limit = await self._rate_limits.hit(
                    principal.organization_id,
                    scope="api",
                    key=principal.key_id,
                    limit=quota,
                    window_seconds=WINDOW_SECONDS,
                    now=now,
                )
        except (TimeoutError, ClientError, BotoCoreError, ConnectionError) as error:
            self._paused_until = time.monotonic() + PAUSE_SECONDS
            if not self._failing:
                _log.warning("requests_not_counted", error=type(error).__name__)
            self._failing = True
            return
        if self._failing:
            _log.info("requests_counted_again")
            self._failing = False
        seconds = _seconds_until(limit.reset_at, now)
        headers["RateLimit"] = f'"default";r={limit.remaining};t={seconds}'
        if not limit.allowed:
            raise Problem(
                429,
                f"This key may make {quota} requests a minute. Wait {seconds} seconds, or ask an "
                "administrator to raise its requests_per_minute.",
                headers={"Retry-After": str(seconds)},
            )


class RateLimitHeaders:
    """Puts what was counted on the answer, whoever answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers: dict[str, str] = {}
        scope.setdefault("state", {})[_STATE_KEY] = headers

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(headers)
            await send(message)

        await self._app(scope, receive, with_headers)


def rate_limit_headers(request: Request) -> dict[str, str]:
    """What `RateLimitHeaders` will put on the answer to this request."""
    headers: dict[str, str] = request.scope["state"][_STATE_KEY]
    return headers


def _seconds_until(moment: datetime, now: datetime) -> int:
    return max(1, math.ceil((moment - now).total_seconds()))
