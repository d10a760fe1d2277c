"""How fast pages of a website are fetched, and which of them."""

import asyncio
import time

from adapters.sources.items import ItemFailed
from adapters.sources.robots import Robots
from domain.web_addresses import host_of


class Pace:
    """Keeps to what robots.txt says: what may be fetched, and how long a host is left alone."""

    def __init__(self, robots: Robots) -> None:
        self.robots = robots
        self._free: dict[str, float] = {}

    async def wait(self, url: str) -> None:
        """Until the page may be fetched; `ItemFailed` when it may not."""
        if not await self.robots.allows(url):
            raise ItemFailed("The website's robots.txt asks us not to read this page.")
        delay, host = await self.robots.delay(url), host_of(url)
        now = time.monotonic()
        free = max(now, self._free.get(host, 0))
        self._free[host] = free + delay
        await asyncio.sleep(free - now)
