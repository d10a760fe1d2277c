"""The product's three processes in miniature, to try the supervision of `parley run` on them.

Run as `python -m cli <command>` from a directory where it is called `cli.py`.
"""

import http.server
import os
import sys
import time
from pathlib import Path


def migrate() -> None:
    with Path("migrations.txt").open("a") as log:
        log.write(os.environ.get("DATABASE_URL", "outside").partition("://")[0] + "\n")


def api() -> None:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            ready = self.path == "/healthz" or Path("worker.txt").exists()
            self.send_response(200 if ready else 503)
            self.send_header("Content-Length", "0")
            self.end_headers()

    address = ("127.0.0.1", int(os.environ["PARLEY_API_PORT"]))
    http.server.ThreadingHTTPServer(address, Handler).serve_forever()


def worker() -> None:
    Path("worker.txt").write_text(os.environ["TEMPORAL_ADDRESS"])
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    {"migrate": migrate, "api": api, "worker": worker}[sys.argv[1]]()
