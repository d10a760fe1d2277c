"""The simulator as one ASGI app: Graph API, control API and the page."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.staticfiles import StaticFiles
from starlette.responses import FileResponse, Response

from local.simulator.config import SimulatorConfig
from local.simulator.connections import CuttableApp
from local.simulator.control_api import control_router
from local.simulator.errors import GraphError
from local.simulator.graph_api import GraphResponse, graph_router
from local.simulator.media_api import media_router
from local.simulator.panel_api import panel_router
from local.simulator.requests import ControlError
from local.simulator.world import World

STATIC = Path(__file__).parent / "static"
PAGE_HEADERS = {
    # Pictures may be linked from anywhere, as in a real chat; code only comes from here.
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: https: http:;"
    " media-src 'self' https: http:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


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

    @app.exception_handler(ControlError)
    async def control_error(_: Request, error: ControlError) -> Response:
        body = {"detail": error.detail, "errors": error.errors}
        return GraphResponse(body, status_code=error.status)

    @app.get("/healthz", tags=["Control"])
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    app.include_router(control_router(world))
    app.include_router(panel_router(world))
    app.include_router(graph_router(world))
    app.include_router(media_router(world))

    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        return FileResponse(STATIC / "index.html", headers=PAGE_HEADERS)

    app.mount("/static", StaticFiles(directory=STATIC))
    return app
