"""What the page is told while it is open: a small fan-out of events."""

import asyncio
from collections.abc import AsyncIterator

from local.simulator.wire import JsonObject

LONGEST_BACKLOG = 1000


class Events:
    """Every subscriber gets every event from its subscription on; a slow one is cut off."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[JsonObject | None]] = set()
        self._closed = False

    def publish(self, event: JsonObject) -> None:
        for queue in list(self._queues):
            if queue.qsize() >= LONGEST_BACKLOG:
                self._queues.discard(queue)
                queue.put_nowait(None)
            else:
                queue.put_nowait(event)

    def close(self) -> None:
        """End every subscription, so that a stopping server has no request left."""
        self._closed = True
        for queue in self._queues:
            queue.put_nowait(None)

    async def subscribe(self, *, heartbeat: float) -> AsyncIterator[JsonObject | None]:
        """Events as they come; `None` after `heartbeat` seconds of silence."""
        if self._closed:
            return
        queue: asyncio.Queue[JsonObject | None] = asyncio.Queue()
        self._queues.add(queue)
        try:
            while True:
                try:
                    async with asyncio.timeout(heartbeat):
                        event = await queue.get()
                except TimeoutError:
                    yield None
                    continue
                if event is None:
                    return
                yield event
        finally:
            self._queues.discard(queue)
