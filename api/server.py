"""The API as a process: uvicorn, with our logging instead of its own."""

import contextlib
import gc
import socket
from typing import Final

import uvicorn

from api.app import create_app
from settings import Settings, SettingsError

GRACE_SECONDS: Final = 20
"""For requests under way when the process is told to stop."""
BACKLOG: Final = 2048


def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM, then finish what is under way.

    Raises:
        SettingsError: the port is taken, or cannot be had.
    """
    config = uvicorn.Config(
        create_app(settings),
        log_config=None,
        access_log=False,
        server_header=False,
        ws="none",
        lifespan="on",
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    # What the imports have made stays: a collection that looks through it stops all requests.
    gc.collect()
    gc.freeze()
    with (
        _listening_socket(settings.parley_api_host, settings.parley_api_port) as listener,
        # uvicorn raises the signal again once it has stopped; Ctrl-C is no error.
        contextlib.suppress(KeyboardInterrupt),
    ):
        uvicorn.Server(config).run(sockets=[listener])


def _listening_socket(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise SettingsError(
            f"PARLEY_API_PORT: port {port} of {host} cannot be opened ({error.strerror}). "
            "Stop what uses it, or choose another."
        ) from None
