"""Serving the simulator with uvicorn."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import FrameType

import uvicorn
from fastapi import FastAPI

from local.simulator.app import create_app
from local.simulator.config import SimulatorConfig

SHUTDOWN_SECONDS = 3
"""How long requests under way may take to finish when the server stops."""


class SimulatorServer(uvicorn.Server):
    """Ends the pages' event streams when it stops; otherwise an open page would hold it up."""

    def __init__(self, app: FastAPI, *, host: str, port: int) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=SHUTDOWN_SECONDS,
            )
        )
        self._events = app.state.world.events

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._events.close()
        super().handle_exit(sig, frame)

    async def stop(self) -> None:
        self._events.close()
        self.should_exit = True


@asynccontextmanager
async def serve(
    config: SimulatorConfig, *, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[str]:
    """Serve on a free port (or on `port`) for the length of the block; gives the base URL."""
    server = SimulatorServer(create_app(config), host=host, port=port)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio switches Nagle's delay (40 ms an answer) off only then.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        serving = asyncio.create_task(server.serve([listener]))
        try:
            while not server.started:
                if serving.done():
                    await serving
                await asyncio.sleep(0.005)
            yield f"http://{host}:{listener.getsockname()[1]}"
        finally:
            await server.stop()
            await serving
