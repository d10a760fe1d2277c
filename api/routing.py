"""Routers of `/v1`: what every operation on objects gets without asking for it.

An answer that shows one object with a revision carries its ETag, and the OpenAPI document says so.
"""

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute

from api.preconditions import ETAG_HEADER, etag
from api.schemas.base import Revised

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class ResourceRoute(APIRoute):
    """A route of `ResourceRouter`."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        if self.shows_a_revision:
            # FastAPI describes the successful answer itself and merges this into it.
            answer = self.responses.setdefault(self.status_code or 200, {})
            answer["headers"] = {**answer.get("headers", {}), **ETAG_HEADER}

    @property
    def shows_a_revision(self) -> bool:
        model = self.response_model
        return isinstance(model, type) and issubclass(model, Revised)

    def get_route_handler(self) -> Handler:
        handler = super().get_route_handler()
        if self.shows_a_revision:
            handler = _with_etag(handler)
        return handler


class ResourceRouter(APIRouter):
    """An `APIRouter` of objects. Every router of `/v1` is one."""

    def __init__(self, **options: Any) -> None:
        super().__init__(route_class=ResourceRoute, **options)


def _with_etag(handler: Handler) -> Handler:
    async def handle(request: Request) -> Response:
        response = await handler(request)
        if response.status_code < 300:
            response.headers["ETag"] = etag(json.loads(bytes(response.body))["revision"])
        return response

    return handle
