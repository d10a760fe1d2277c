"""The REST API and Meta's webhooks as one ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from api import problems
from api.metrics import Metrics
from api.middleware import BodyLimit, RequestLog
from api.problems import ProblemDetails
from api.routers import (
    api_keys,
    assistants,
    channels,
    codec,
    conversations,
    documents,
    health,
    knowledge_bases,
    organizations,
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
    whatsapp_users.router,
    conversations.router,
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

    app = FastAPI(
        title="Parley",
        version=version("parley"),
        summary="Conversational AI on WhatsApp.",
        lifespan=lifespan,
        generate_unique_id_function=_operation_id,
        redoc_url=None,
    )
    for router in ROUTERS:
        app.include_router(router)
    problems.install(app)
    # The last one added is the outermost: it logs what the others refuse, too.
    app.add_middleware(BodyLimit)
    app.add_middleware(RequestLog, metrics=metrics)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign] - FastAPI's documented way
    return app


def _operation_id(route: APIRoute) -> str:
    return route.name


def _openapi(app: FastAPI) -> dict[str, object]:
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title, version=app.version, summary=app.summary, routes=app.routes
        )
        models = schema.setdefault("components", {}).setdefault("schemas", {})
        problem = ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
        models |= problem.pop("$defs", {})
        models["ProblemDetails"] = problem
        for unused in ("HTTPValidationError", "ValidationError"):
            models.pop(unused, None)
        app.openapi_schema = schema
    return app.openapi_schema
