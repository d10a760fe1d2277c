"""`python -m local.model --host 127.0.0.1 --port 8200`: serve the offline model."""

import argparse
import os

import uvicorn

from local.model.app import create_app
from local.model.embedder import Embedder

STOP_SECONDS = 2
"""What is still being computed for somebody when the process is told to stop may take as long."""


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m local.model", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument(
        "--threads",
        type=int,
        default=max(1, (os.cpu_count() or 2) // 2),
        help="threads of one computation; half the cores leave the databases theirs",
    )
    arguments = parser.parse_args()
    with Embedder(threads=arguments.threads) as embedder:
        uvicorn.run(
            create_app(embedder),
            host=arguments.host,
            port=arguments.port,
            access_log=False,
            timeout_graceful_shutdown=STOP_SECONDS,
            log_level="warning",
        )


if __name__ == "__main__":
    main()
