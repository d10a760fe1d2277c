"""The API as a process: uvicorn, with our logging instead of its own."""

from typing import Final

import uvicorn

from api.app import create_app
from settings import Settings

GRACE_SECONDS: Final = 20
"""For requests under way when the process is told to stop."""


def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM, then finish what is under way."""
    uvicorn.run(
        create_app(settings),
        host=settings.parley_api_host,
        port=settings.parley_api_port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
