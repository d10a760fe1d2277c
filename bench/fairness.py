"""How long a small organisation waits for its replies while a large one floods the workers, beside
how long it waits when nobody else writes.

python -m bench.fairness
"""

import argparse
import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import aiohttp

from bench.deliveries import delivery, post
from bench.figures import Figure, quantile
from bench.instant import SLOW_MODEL
from bench.tenant import make_channels
from contracts.names import conversations_queue
from local.product import Product

QUIET, FLOODER = "3001", "3002"
"""Phone number ids of the two organisations."""
FLOOD = 300
"""Conversations in which somebody always waits for a reply."""
TURNS = 30
"""Of the small organisation, each by another person, as most of a small one's are."""
PAUSE_SECONDS = 0.2
QUANTILES = (("p50", 0.5), ("p95", 0.95))


async def measure_fairness(
    product: Product, instant: str, *, turns: int = TURNS, conversations: int = FLOOD
) -> list[Figure]:
    """The organisation alone, then beside the flood."""
    quiet, flooder_id = QUIET, FLOODER
    place = await _organization(product, quiet)
    while await _organization(product, flooder_id) == place:
        # One in so many shares its queue with the flood, which is measured by nobody's luck.
        flooder_id = str(int(flooder_id) + 1)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        desk = Desk(session, product, instant)
        await desk.turns(quiet, first=0, count=5)
        alone = await desk.turns(quiet, first=1000, count=turns)
        async with desk.flood(flooder_id, conversations=conversations) as flood:
            await flood.until(conversations)
            flood.seconds.clear()
            beside = await desk.turns(quiet, first=2000, count=turns)
            flooder = list(flood.seconds) or [0.0]
    about = f"reply beside a flood of {conversations}"
    return [
        Figure(
            name=f"{about}, {name}",
            measured=quantile(beside, at),
            floor=quantile(alone, at),
            unit="ms",
            aim="a little more than alone",
        )
        for name, at in QUANTILES
    ] + [
        Figure(name=f"reply in the flood, {name}", measured=quantile(flooder, at), unit="ms")
        for name, at in QUANTILES
    ]


async def _organization(product: Product, phone_number_id: str) -> str:
    """A new organisation with this number; the queue on which its conversations run."""
    channels = await make_channels(product, debounces={phone_number_id: 0}, model=SLOW_MODEL)
    return conversations_queue(channels[phone_number_id].organization_id)


class Desk:
    """Asks as people do, and waits for the replies."""

    def __init__(self, session: aiohttp.ClientSession, product: Product, instant: str) -> None:
        self._session = session
        self._product = product
        self._instant = instant

    async def turn(self, phone_number_id: str, wa_id: str, number: int) -> float:
        """Seconds from a person's message to the reply's arrival at Meta."""
        asked = delivery(
            phone_number_id=phone_number_id,
            wa_id=wa_id,
            text="When do you open?",
            app_secret=self._product.app_secret,
        )
        began = time.monotonic()
        await post(self._session, self._product.webhook_url, asked)
        async with self._session.get(f"{self._instant}/arrivals/{wa_id}/{number}") as response:
            arrived: float = await response.json()
        return arrived - began

    async def turns(self, phone_number_id: str, *, first: int, count: int) -> list[float]:
        seconds = []
        for number in range(first, first + count):
            seconds.append(await self.turn(phone_number_id, f"3462{number:07d}", 1))
            await asyncio.sleep(PAUSE_SECONDS)
        return seconds

    @asynccontextmanager
    async def flood(self, phone_number_id: str, *, conversations: int) -> AsyncIterator["_Flood"]:
        flood = _Flood()

        async def write_for_ever(wa_id: str) -> None:
            number = 0
            while True:
                number += 1
                flood.note(await self.turn(phone_number_id, wa_id, number))

        people = [
            asyncio.create_task(write_for_ever(f"3463{number:07d}"))
            for number in range(conversations)
        ]
        try:
            yield flood
        finally:
            for person in people:
                person.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*people, return_exceptions=True)


class _Flood:
    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._replies = 0
        self._more = asyncio.Event()

    def note(self, seconds: float) -> None:
        self.seconds.append(seconds)
        self._replies += 1
        self._more.set()

    async def until(self, replies: int) -> None:
        while self._replies < replies:
            self._more.clear()
            await self._more.wait()


async def main(*, turns: int, conversations: int) -> None:
    # Not above: the whole benchmark measures this one too.
    from bench.__main__ import running_bench
    from bench.figures import print_figures

    async with running_bench() as (product, instant):
        figures = await measure_fairness(product, instant, turns=turns, conversations=conversations)
        print_figures(figures)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.fairness", description=__doc__)
    parser.add_argument("--turns", type=int, default=TURNS)
    parser.add_argument("--conversations", type=int, default=FLOOD, help="of the flood")
    arguments = parser.parse_args()
    asyncio.run(main(turns=arguments.turns, conversations=arguments.conversations))
