"""Heartbeats while an activity waits for somebody else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio import activity

INTERVAL_SECONDS = 1.0
"""The SDK sends them on no more often than a fraction of the heartbeat time-out."""


@asynccontextmanager
async def heartbeats() -> AsyncIterator[None]:
    """Tell Temporal every second that the worker lives; it tells back when to cancel."""

    async def beat() -> None:
        while True:
            activity.heartbeat()
            await asyncio.sleep(INTERVAL_SECONDS)

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
