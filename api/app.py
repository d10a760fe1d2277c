"""The REST API and Meta's webhooks as one ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from api import problems
from api.metrics import Metrics
from api.middleware import BodyLimit, RequestLog
from api.problems import ProblemDetails, documented
from api.routers import (
    api_keys,
    assistants,
    channels,
    codec,
    conversations,
    documents,
    erasures,
    health,
    knowledge_bases,
    organizations,
    search,
    webhooks,
    whatsapp_users,
)
from api.services import open_services
from settings import Settings

ROUTERS = (
    organizations.router,
    api_keys.router,
    assistants.router,
    channels.router,
    knowledge_bases.router,
    documents.router,
    search.router,
    whatsapp_users.router,
    conversations.router,
    erasures.router,
    webhooks.router,
    codec.router,
    health.router,
)


def create_app(settings: Settings) -> FastAPI:
    """The application; its lifespan opens and closes what the settings name."""
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_services(settings, metrics=metrics) as services:
            app.state.services = services
            yield

    app = _Application(
        title="Parley",
        version=version("parley"),
        summary="Conversational AI on WhatsApp.",
        lifespan=lifespan,
        generate_unique_id_function=_operation_id,
        redoc_url=None,
    )
    for router in ROUTERS:
        app.include_router(router)
    problems.install(app, routes=[route for router in ROUTERS for route in router.routes])
    # The last one added is the outermost: it logs what the others refuse, too.
    app.add_middleware(BodyLimit)
    app.add_middleware(RequestLog, metrics=metrics)
    return app


def _operation_id(route: APIRoute) -> str:
    return route.name


class _Application(FastAPI):
    """Describes its errors as what they are: problems."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            schema = super().openapi()
            models = schema.setdefault("components", {}).setdefault("schemas", {})
            problem = ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
            models |= problem.pop("$defs", {})
            models["ProblemDetails"] = problem
            for operations in schema["paths"].values():
                for operation in operations.values():
                    # FastAPI adds its own description wherever there are parameters.
                    if "422" in operation["responses"]:
                        operation["responses"]["422"] = documented(422)[422]
            for unused in ("HTTPValidationError", "ValidationError"):
                models.pop(unused, None)
        assert self.openapi_schema is not None  # noqa: S101 - set by `super().openapi()`
        return self.openapi_schema
