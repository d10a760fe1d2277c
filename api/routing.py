"""Routers of `/v1`: what every operation gets without asking for it.

Whoever calls is authenticated and counted before anything is read. A POST that creates (it answers
201 or 202) honours `Idempotency-Key`. An answer that shows one object with a revision carries its
ETag. The OpenAPI document says all of it.
"""

import json
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, get_args

from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute

from api.dependencies import authenticate, get_services
from api.idempotency import REPLAYED_HEADER, documented_header, run_once
from api.preconditions import etag
from api.problems import documented
from api.schemas.base import Revised

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

PREFIX: Final = "/v1/"
CREATING: Final = frozenset({201, 202})

_RATE_LIMIT: Final = ("RateLimit-Policy", "RateLimit")

HEADERS: Final[Mapping[str, Any]] = {
    "ETag": {
        "description": 'Strong entity tag of the object: `"<revision>"`. Send it as `If-Match`.',
        "schema": {"type": "string", "examples": ['"3"']},
    },
    REPLAYED_HEADER: {
        "description": "`true` on the answer to a request that had been answered before.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "RateLimit-Policy": {
        "description": "Requests (`q`) that this key may make in a window of `w` seconds.",
        "schema": {"type": "string", "examples": ['"default";q=3000;w=60']},
    },
    "RateLimit": {
        "description": "Requests that are left (`r`) in this window, which ends in `t` seconds.",
        "schema": {"type": "string", "examples": ['"default";r=2999;t=30']},
    },
    "Retry-After": {
        "description": "Seconds to wait before the request is sent again.",
        "schema": {"type": "integer", "minimum": 1},
    },
}
"""The document's `components.headers`."""


class ResourceRoute(APIRoute):
    """A route of `ResourceRouter`."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self.creates = (
            "POST" in (options.get("methods") or ()) and options.get("status_code") in CREATING
        )
        if self.creates:
            dependencies = [*(options.get("dependencies") or ()), Depends(documented_header)]
            options["dependencies"] = dependencies
        super().__init__(path, endpoint, **options)
        self._describe_headers()

    @property
    def shows_a_revision(self) -> bool:
        models = (self.response_model, *get_args(self.response_model))
        return any(isinstance(model, type) and issubclass(model, Revised) for model in models)

    def get_route_handler(self) -> Handler:
        handler = super().get_route_handler()
        if self.shows_a_revision:
            handler = _with_etag(handler)

        async def handle(request: Request) -> Response:
            principal = await authenticate(request)
            if not self.creates:
                return await handler(request)
            return await run_once(
                request,
                handler,
                principal=principal,
                services=get_services(request),
                # FastAPI reads the bodies that it knows, and those are all JSON.
                reads_forms=self.body_field is None,
            )

        return handle

    def _describe_headers(self) -> None:
        problems = (401, 429, 503) + ((409, 422) if self.creates else ())
        # FastAPI describes the successful answer by itself, and merges its headers into that.
        responses = {self.status_code or 200: {}, **documented(*problems), **self.responses}
        for status, response in responses.items():
            names = [] if status == 401 else [*_RATE_LIMIT]
            if status in (429, 503):
                names.append("Retry-After")
            if int(status) < 300:
                names += ["ETag"] if self.shows_a_revision else []
                names += [REPLAYED_HEADER] if self.creates else []
            described = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
            if described:
                response["headers"] = described | response.get("headers", {})
        self.responses = responses


class ResourceRouter(APIRouter):
    """An `APIRouter` of objects. Every router of `/v1` is one."""

    def __init__(self, **options: Any) -> None:
        super().__init__(route_class=ResourceRoute, **options)


def check_routes(router: APIRouter) -> None:
    """Refuse to start with a route that would answer anyone, uncounted, and create things twice."""
    for route in router.routes:
        if isinstance(route, ResourceRoute) or not isinstance(route, APIRoute):
            continue
        if route.path.startswith(PREFIX):
            raise TypeError(f"{route.path} is in {PREFIX}: its router must be a ResourceRouter")


def _with_etag(handler: Handler) -> Handler:
    async def handle(request: Request) -> Response:
        response = await handler(request)
        if response.status_code < 300:
            shown = json.loads(bytes(response.body))
            # Some routes answer with one object or with several.
            if "revision" in shown:
                response.headers["ETag"] = etag(shown["revision"])
        return response

    return handle
