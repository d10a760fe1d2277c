"""The simulator as one ASGI app: Graph API, control API and the page."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exception_handlers import http_exception_handler
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response

from local.simulator.config import SimulatorConfig
from local.simulator.connections import CuttableApp, cut
from local.simulator.control_api import control_router
from local.simulator.desk_api import desk_router
from local.simulator.errors import ControlError, GraphError, unknown_object
from local.simulator.graph_api import GraphResponse, graph_router
from local.simulator.knowledge_api import knowledge_router
from local.simulator.media_api import media_router
from local.simulator.network_api import network_router
from local.simulator.panel_api import panel_router
from local.simulator.person_events_api import person_events_router
from local.simulator.sending import ConnectionCut
from local.simulator.templates_api import templates_router
from local.simulator.world import World

STATIC = Path(__file__).parent / "static"
PAGE_HEADERS = {
    # Pictures may be linked from anywhere, as in a real chat; code only comes from here.
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob: https: http:;"
    " media-src 'self' blob: https: http:; frame-ancestors 'none'; base-uri 'none';"
    " form-action 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


GRAPH_PATH = re.compile(r"/v[0-9.]+/(?P<object_id>[^/]*)")


def create_app(config: SimulatorConfig) -> FastAPI:
    """An app with its own state in `config.data_dir`; `app.state.world` holds its parts.

    Webhooks are delivered while the app's lifespan runs.
    """
    world = World(config)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with world.running():
            yield

    app = CuttableApp(title="WhatsApp simulator", lifespan=lifespan)
    app.state.world = world

    @app.exception_handler(GraphError)
    async def graph_error(_: Request, error: GraphError) -> Response:
        return GraphResponse(error.envelope(), status_code=error.status)

    @app.exception_handler(ConnectionCut)
    async def connection_cut(request: Request, fault: ConnectionCut) -> Response:
        return await cut(request, after=fault.after)

    @app.exception_handler(ControlError)
    async def control_error(_: Request, error: ControlError) -> Response:
        body = {"detail": error.detail, "errors": error.errors}
        return GraphResponse(body, status_code=error.status)

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Response:
        if GRAPH_PATH.match(request.url.path):
            return await graph_error(request, _as_graph_error(request, error))
        return await http_exception_handler(request, error)

    @app.get("/healthz", tags=["Control"])
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    app.include_router(control_router(world))
    app.include_router(person_events_router(world))
    app.include_router(network_router(world))
    app.include_router(desk_router(world))
    app.include_router(knowledge_router(world))
    app.include_router(panel_router(world))
    app.include_router(templates_router(world))
    app.include_router(graph_router(world))
    app.include_router(media_router(world))

    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        return FileResponse(STATIC / "index.html", headers=PAGE_HEADERS)

    app.mount("/static", StaticFiles(directory=STATIC))
    return app


def _as_graph_error(request: Request, error: HTTPException) -> GraphError:
    """What Graph would say of a path it does not have or of a form that is none."""
    if error.status_code in (404, 405):
        match = GRAPH_PATH.match(request.url.path)
        object_id = match["object_id"] if match else ""
        return unknown_object(object_id, method=request.method)
    return GraphError(100, message=f"(#100) {error.detail}", status=error.status_code)
