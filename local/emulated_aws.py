"""DynamoDB and S3 of the embedded stack: `python -m local.emulated_aws --port N --data-dir D`.

The `ministack` emulator behind a door that lets only DynamoDB and S3 through, with a journal that
keeps DynamoDB's tables (`local/dynamodb_journal.py`) and indexes over them
(`local/dynamodb_index.py`). S3 objects are files as soon as they are put.
"""

import argparse
import asyncio
import os
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from local.dynamodb_journal import DurableDynamoDB
from local.ports import LOOPBACK

Message = MutableMapping[str, Any]
Application = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
    Awaitable[None],
]

METADATA_SUFFIX = ".meta.json"
"""The emulator keeps an object as a file and a second one with this suffix."""
KEPT_BUCKET = ".bucket"
"""A directory in an empty bucket: the emulator forgets a bucket whose directory is empty."""


def main() -> None:
    arguments = argparse.ArgumentParser(description="DynamoDB and S3 for one machine")
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--data-dir", type=Path, required=True)
    chosen = arguments.parse_args()
    asyncio.run(serve(port=chosen.port, data_dir=chosen.data_dir))


async def serve(*, port: int, data_dir: Path) -> None:
    """Serve until SIGTERM or SIGINT; what was acknowledged is kept, even after a kill."""
    import uvicorn

    objects = data_dir / "s3"
    _tidy_objects(objects)
    application = await _emulator(journal=data_dir / "dynamodb.jsonl", objects=objects)
    config = uvicorn.Config(
        _only_data_planes(application),
        host=LOOPBACK,
        port=port,
        lifespan="off",  # the emulator's starts a dozen other services
        access_log=False,
        log_level="warning",
        timeout_keep_alive=75,
        timeout_graceful_shutdown=3,
    )
    await uvicorn.Server(config).serve()


async def _emulator(*, journal: Path, objects: Path) -> Application:
    # The emulator reads its settings when it is imported.
    os.environ.update(
        SERVICES="dynamodb,s3",
        PERSIST_STATE="0",
        S3_PERSIST="1",
        S3_DATA_DIR=str(objects),
        LOG_LEVEL="WARNING",
    )
    from ministack import app as emulator

    from local.dynamodb_index import IndexedEmulator

    durable = await DurableDynamoDB.open(journal, emulator=IndexedEmulator())
    emulator.SERVICE_HANDLERS["dynamodb"] = durable.handle
    application: Application = emulator.app
    return application


def _only_data_planes(application: Application) -> Application:
    """Refuse the emulator's own administration, which any web page could call to wipe the data."""

    async def guarded(scope: Message, receive: Any, send: Any) -> None:
        administration = scope["path"].startswith(("/_", "/health"))
        if scope["type"] != "http" or administration:
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
                return
            await send({"type": "http.response.start", "status": 404, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await application(scope, receive, send)

    return guarded


def _tidy_objects(objects: Path) -> None:
    """Remove what a kill in the middle of a put left, and keep empty buckets alive."""
    for unfinished in objects.rglob("*.tmp"):
        acknowledged = unfinished.with_name(unfinished.name + METADATA_SUFFIX).exists()
        if unfinished.is_file() and not acknowledged:
            unfinished.unlink()
    for bucket in objects.glob("*/*"):
        if bucket.is_dir() and not any(bucket.iterdir()):
            (bucket / KEPT_BUCKET).mkdir()


if __name__ == "__main__":
    main()
