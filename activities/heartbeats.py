"""Keeps a long activity alive in Temporal's eyes while it waits for something."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

from temporalio import activity

BEATS_PER_TIMEOUT: Final = 3


@dataclass
class Position:
    """What an activity is at. Whoever looks at it in Temporal's Web UI reads it: no contents."""

    at: str | None = None


@asynccontextmanager
async def heartbeating() -> AsyncIterator[Position]:
    """Send heartbeats while the block runs, three in each heartbeat time-out of the activity.

    The worker's death then shows within the time-out instead of the whole activity's, and a
    cancellation reaches the block. Each heartbeat tells the position that the block has noted.
    """
    position = Position()
    timeout = activity.info().heartbeat_timeout
    if timeout is None:
        yield position
        return
    every_seconds = timeout.total_seconds() / BEATS_PER_TIMEOUT
    beating = asyncio.create_task(_beat(position, every_seconds))
    try:
        yield position
    finally:
        beating.cancel()
        with suppress(asyncio.CancelledError):
            await beating


async def _beat(position: Position, every_seconds: float) -> None:
    while True:
        if position.at is None:
            activity.heartbeat()
        else:
            activity.heartbeat(position.at)
        await asyncio.sleep(every_seconds)
