"""A number never sends more in any second than Meta takes, whoever sends."""

import asyncio
import time
from bisect import bisect_left

import pytest

from adapters.dynamodb import keys, number_rates
from adapters.dynamodb.number_rates import NumberRates, Permit
from adapters.dynamodb.table import Table
from contracts.ids import ChannelId
from tests.adapters.dynamodb.builders import an_id, an_organization


class Clock:
    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


def a_channel() -> ChannelId:
    return ChannelId(an_id("chn"))


def most_in_a_second(moments: list[float]) -> int:
    moments = sorted(moments)
    return max(bisect_left(moments, moment + 1) - at for at, moment in enumerate(moments))


async def flood(
    rates: NumberRates, *place: str, messages: int, per_second: int
) -> tuple[list[float], int]:
    """When each of so many messages might go, asked for at once and again until it might; and how
    often one was told to come again."""
    refusals = 0

    async def one() -> float:
        nonlocal refusals
        while True:
            permit = await rates.permit(*place, per_second=per_second)  # type: ignore[arg-type]
            if permit.granted:
                return permit.at
            refusals += 1
            await asyncio.sleep(0.2)

    return list(await asyncio.gather(*(one() for _ in range(messages)))), refusals


@pytest.mark.parametrize("per_second", [5, 20, 80])
async def test_two_processes_together_stay_within_the_limit(table: Table, per_second: int) -> None:
    place = an_organization(), a_channel()
    processes = [NumberRates(table), NumberRates(table)]
    began = time.time()
    floods = await asyncio.gather(
        *(flood(one, *place, messages=per_second, per_second=per_second) for one in processes)
    )
    moments = [moment for granted, _ in floods for moment in granted]
    assert len(moments) == 2 * per_second
    assert most_in_a_second(moments) <= per_second
    # And it is used: what is not kept for quiet processes goes out.
    assert max(moments) - began < 5


async def test_who_hardly_sends_asks_nobody(table: Table, counted: list[str]) -> None:
    clock = Clock()
    rates, place = NumberRates(table, clock=clock), (an_organization(), a_channel())
    for _ in range(3):
        permit = await rates.permit(*place, per_second=80)
        assert permit.granted
        clock.ahead += 1
    assert counted == []
    await rates.permit(*place, per_second=80)
    await rates.permit(*place, per_second=80)
    assert counted


async def test_a_rush_shares_its_questions(table: Table, counted: list[str]) -> None:
    rates, place = NumberRates(table), (an_organization(), a_channel())
    await flood(rates, *place, messages=40, per_second=1000)
    assert len(counted) < 20


async def test_numbers_do_not_wait_for_one_another(table: Table) -> None:
    organization = an_organization()
    rates = NumberRates(table)
    busy = asyncio.create_task(flood(rates, organization, a_channel(), messages=30, per_second=10))
    await asyncio.sleep(0)
    began = time.monotonic()
    for _ in range(3):
        assert (await rates.permit(organization, a_channel(), per_second=10)).granted
    assert time.monotonic() - began < 1
    busy.cancel()
    await asyncio.gather(busy, return_exceptions=True)


async def test_a_line_that_is_too_long_is_not_joined(table: Table) -> None:
    organization, channel = an_organization(), a_channel()
    free_at = int((time.time() + 60) * 1e6)
    await table.put(keys.number_rate(organization, channel), {"free_at": free_at})
    rates = NumberRates(table)
    await rates.permit(organization, channel, per_second=80)
    permit = await rates.permit(organization, channel, per_second=80)
    assert permit == Permit(granted=False, at=free_at / 1e6)


async def test_only_so_many_of_a_number_wait(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(number_rates, "MOST_WAITING", 3)
    rates, place = NumberRates(table), (an_organization(), a_channel())
    permits = await asyncio.gather(*(rates.permit(*place, per_second=5) for _ in range(10)))
    assert sum(permit.granted for permit in permits) == 3


async def test_after_a_refusal_it_goes_slower_for_a_while(table: Table) -> None:
    clock = Clock()
    rates, place = NumberRates(table, clock=clock), (an_organization(), a_channel())

    async def gap() -> float:
        permits = await asyncio.gather(*(rates.permit(*place, per_second=88) for _ in range(4)))
        first, second = sorted(permit.at for permit in permits)[-2:]
        return round(second - first, 4)

    assert await gap() == 1 / 80
    for _ in range(3):
        # Answers of one rush come together, and say one thing.
        rates.refused(*place)
    assert await gap() == 1 / 40
    clock.ahead += 60
    assert await gap() == 1 / 80


async def test_a_store_that_does_not_answer_is_no_permit(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> object:
        raise TimeoutError

    rates, place = NumberRates(table), (an_organization(), a_channel())
    with monkeypatch.context() as patch:
        patch.setattr(Table, "update", broken)
        await rates.permit(*place, per_second=80)
        answers = await asyncio.gather(
            *(rates.permit(*place, per_second=80) for _ in range(3)), return_exceptions=True
        )
        assert all(isinstance(answer, TimeoutError) for answer in answers)
    assert (await rates.permit(*place, per_second=80)).granted
