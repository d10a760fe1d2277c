"""The REST API and Meta's webhooks as one ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline

from api import openapi, problems
from api.metrics import Metrics
from api.middleware import BodyLimit, RequestLog
from api.rate_limiting import RateLimitHeaders
from api.routers import (
    api_keys,
    assistants,
    audit_log,
    channels,
    codec,
    consents,
    conversation_actions,
    conversation_summary,
    conversations,
    document_contents,
    documents,
    erasures,
    health,
    knowledge_bases,
    organizations,
    person_facts,
    platform_api_keys,
    quotas,
    search,
    sources,
    unanswered_questions,
    uncertain_messages,
    usage,
    webhook_endpoints,
    webhooks,
    whatsapp_users,
)
from api.routing import check_routes
from api.services import open_services
from settings import Settings

ROUTERS = (
    organizations.router,
    quotas.router,
    api_keys.router,
    platform_api_keys.router,
    assistants.router,
    channels.router,
    knowledge_bases.router,
    documents.router,
    document_contents.router,
    sources.router,
    search.router,
    unanswered_questions.router,
    whatsapp_users.router,
    consents.router,
    conversations.router,
    conversation_actions.router,
    uncertain_messages.router,
    person_facts.router,
    conversation_summary.router,
    erasures.router,
    audit_log.router,
    usage.router,
    webhook_endpoints.router,
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

    # FastAPI whose /docs loads nothing from elsewhere.
    app = FastAPIOffline(
        title="Parley",
        version=version("parley"),
        summary="Conversational AI on WhatsApp.",
        description=openapi.DESCRIPTION,
        contact={"name": "Parley"},
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        lifespan=lifespan,
        generate_unique_id_function=_operation_id,
        redoc_url=None,
        static_url="/docs/static",
    )
    for router in ROUTERS:
        check_routes(router)
        app.include_router(router)
    routes = [route for router in ROUTERS for route in router.routes]
    problems.install(app, routes=routes)
    openapi.install(app, routes=routes, public_url=settings.parley_public_url)
    # The last one added is the outermost: what the inner ones refuse is logged and counted, too.
    app.add_middleware(BodyLimit)
    app.add_middleware(RequestLog, metrics=metrics)
    app.add_middleware(RateLimitHeaders)
    return app


def _operation_id(route: APIRoute) -> str:
    return route.name
