"""What a turn takes from the webhook to Meta, and what it leaves in the history.

python -m bench.turns [--turns N]
"""

import argparse
import asyncio
import itertools
import time
from collections.abc import Sequence

import aiohttp
from temporalio.client import Client

from bench import floor
from bench.deliveries import delivery, post
from bench.figures import Figure, Latency, print_figures
from bench.tenant import Channel, make_channels
from domain.memory import REFRESH_EVERY, REFRESH_FIRST
from local.product import Product

ROUNDS = 3
WARM_UP = 5
"""Turns after which a conversation counts as settled: everything about it is known by then."""
TURNS_OF_PERSON = 15
"""With those of the warm-up less than Meta's pair limit holds back."""
PEOPLE = 3
"""Whose histories are measured."""
QUICK, PAUSING = "2001", "2002"
"""Phone number ids: without a quiet period, and with the default one."""
DEFAULT_QUIET_SECONDS = 0.8
GROWING_SECONDS = 20
"""For a history to stop growing after the last turn, at most."""


async def measure_turns(
    product: Product, instant: str, client: Client, last_step: floor.LastStep, *, turns: int
) -> list[Figure]:
    """Webhook to Graph call in settled conversations, beside a workflow of three no-ops."""
    quiet = {QUICK: 0.0, PAUSING: DEFAULT_QUIET_SECONDS}
    channels = await make_channels(product, debounces=quiet)
    writers = itertools.count()
    seconds: list[float] = []
    raw: list[float] = []
    for _ in range(ROUNDS):
        async with aiohttp.ClientSession() as session:
            writer = _Writer(session, product, instant, QUICK)
            for _ in range(0, turns, TURNS_OF_PERSON):
                wa_id = f"3462{next(writers):07d}"
                await writer.turns(wa_id, first=1, count=WARM_UP)
                seconds += await writer.turns(wa_id, first=1 + WARM_UP, count=TURNS_OF_PERSON)
        bare = await floor.turns(client, last_step, count=turns)
        raw += bare.seconds
    ours, least = Latency.of(seconds), Latency.of(raw)
    figures = [
        Figure(name="webhook to Graph call, p50", measured=ours.p50, floor=least.p50, unit="ms",
               aim="at most 1.5"),
        Figure(name="webhook to Graph call, p99", measured=ours.p99, floor=least.p99, unit="ms"),
    ]  # fmt: skip
    for phone_number_id, seconds_of_quiet in quiet.items():
        async with aiohttp.ClientSession() as session:
            writer = _Writer(session, product, instant, phone_number_id)
            events, size = await _history_of_turn(writer, client, channels[phone_number_id])
        name = f"history of a turn, quiet period {seconds_of_quiet} s"
        figures += [
            Figure(name=name, measured=events, floor=bare.events, unit="events",
                   aim="at most 25 events"),
            Figure(name=name, measured=size, floor=bare.size, unit="bytes",
                   aim="at most 6144 bytes"),
        ]  # fmt: skip
    return figures


class _Writer:
    """Writes as people, and waits for each reply."""

    def __init__(
        self, session: aiohttp.ClientSession, product: Product, instant: str, number: str
    ) -> None:
        self._session = session
        self._product = product
        self._instant = instant
        self._number = number

    async def turns(self, wa_id: str, *, first: int, count: int) -> list[float]:
        """Seconds that each of a person's next turns takes.

        Args:
            first: how many replies they will have got after the first of these turns.
        """
        return [await self._turn(wa_id, number) for number in range(first, first + count)]

    async def _turn(self, wa_id: str, number: int) -> float:
        asked = delivery(
            phone_number_id=self._number,
            wa_id=wa_id,
            text="When do you open?",
            app_secret=self._product.app_secret,
        )
        began = time.monotonic()
        await post(self._session, self._product.webhook_url, asked)
        async with self._session.get(f"{self._instant}/arrivals/{wa_id}/{number}") as response:
            arrived: float = await response.json()
        return arrived - began


async def _history_of_turn(
    writer: _Writer, client: Client, channel: Channel
) -> tuple[float, float]:
    """Events and bytes of a turn in settled conversations, with the memory's refreshes.

    As many of these as in a conversation that goes on for ever: messages 12 to 40 of each.
    """
    assert 2 * (WARM_UP + 1) <= REFRESH_FIRST, "the first refresh comes in what is measured"  # noqa: S101
    assert 2 * TURNS_OF_PERSON % REFRESH_EVERY == 0, "whole rounds of refreshes"  # noqa: S101
    # Those of the other figures are of this channel, too.
    people = [f"3463{channel.phone_number_id}{number:03d}" for number in range(PEOPLE)]
    await asyncio.gather(*(writer.turns(each, first=1, count=WARM_UP) for each in people))
    before = await _settled_histories(client, channel)
    await asyncio.gather(
        *(writer.turns(each, first=1 + WARM_UP, count=TURNS_OF_PERSON) for each in people)
    )
    after = await _settled_histories(client, channel)
    events, size = (
        (new - old) / (PEOPLE * TURNS_OF_PERSON) for new, old in zip(after, before, strict=True)
    )
    return events, size


async def _settled_histories(client: Client, channel: Channel) -> Sequence[float]:
    """Events and bytes of all conversations of a channel, once they grow no more."""
    found: Sequence[float] = ()
    async with asyncio.timeout(GROWING_SECONDS):
        while found != (found := await _histories(client, channel)):  # noqa: ASYNC110 - a server is asked
            await asyncio.sleep(1)
    return found


async def _histories(client: Client, channel: Channel) -> Sequence[float]:
    histories = [
        await floor.history_of(client.get_workflow_handle(each.id))
        async for each in client.list_workflows(f"ChannelId = '{channel.channel_id}'")
    ]
    return tuple(sum(numbers) for numbers in zip(*histories, strict=True))


async def main(*, turns: int) -> None:
    from bench.__main__ import running_bench  # which imports this

    async with running_bench() as (product, instant):
        client = await Client.connect(product.temporal_address)
        last_step = floor.LastStep()
        async with floor.worker(client, last_step):
            figures = await measure_turns(product, instant, client, last_step, turns=turns)
    print_figures(figures)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.turns", description=__doc__)
    parser.add_argument("--turns", type=int, default=60, help="turns of each of three rounds")
    asyncio.run(main(turns=parser.parse_args().turns))
