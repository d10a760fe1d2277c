"""An organisation takes its share of the embedding quota, over all processes, and waits in line."""

import asyncio

import pytest
from ulid import ULID

from adapters.dynamodb.embedding_budget import ASK_AGAIN_SECONDS, EmbeddingBudget
from adapters.dynamodb.table import Table
from contracts.ids import DocumentId, OrganizationId

QUOTA = 60_000


class Clock:
    def __init__(self) -> None:
        # Every test has a day of its own of the quota that all share.
        self.now = 2e9 + ULID().milliseconds % 10**6 * 10**5

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def budget(table: Table, clock: Clock, *, share: float = 0.5) -> EmbeddingBudget:
    return EmbeddingBudget(table, tokens_per_minute=QUOTA, share=share, clock=clock)


async def ask(
    budget: EmbeddingBudget, organization: str, *, start: int, tokens: int = 1_000
) -> float | None:
    return await budget.turn(
        OrganizationId(organization),
        document_id=DocumentId("doc_1"),
        version=1,
        start=start,
        tokens=tokens,
    )


async def test_without_a_quota_it_is_always_anybody_s_turn(table: Table, clock: Clock) -> None:
    unlimited = EmbeddingBudget(table, tokens_per_minute=None, share=0.5, clock=clock)
    assert [await ask(unlimited, "org_a", start=0, tokens=10**9) for _ in range(3)] == [None] * 3


async def test_the_places_in_the_line_are_a_share_of_the_quota_apart(
    table: Table, clock: Clock
) -> None:
    of_one, of_another = budget(table, clock), budget(table, clock)
    began = clock.now
    told = [
        await ask(process, f"org_{began}", start=number)
        for number, process in enumerate([of_one, of_another, of_one])
    ]
    # 1,000 tokens are two seconds of half of 60,000 a minute.
    assert told[0] is None
    assert [at and at - began for at in told[1:]] == pytest.approx([2, 4], abs=0.01)


async def test_a_place_is_kept_and_used_once(table: Table, clock: Clock) -> None:
    process, began = budget(table, clock), clock.now
    assert await ask(process, f"org_{began}", start=0) is None
    due = await ask(process, f"org_{began}", start=1)
    assert due is not None
    assert await ask(process, f"org_{began}", start=1) == due
    clock.now = due
    assert await ask(process, f"org_{began}", start=1) is None
    again = await ask(process, f"org_{began}", start=1)
    assert again is not None
    assert again > due


async def test_in_no_minute_more_is_taken_than_the_share_and_one_request(
    table: Table, clock: Clock
) -> None:
    processes, began = [budget(table, clock) for _ in range(3)], clock.now
    waiting = dict.fromkeys(range(80), clock.now)
    taken: list[float] = []
    while waiting and clock.now < began + 200:
        number = min(waiting, key=lambda each: waiting[each])
        clock.now = max(clock.now, waiting[number])
        come_back = await ask(processes[number % 3], f"org_{began}", start=number)
        if come_back is None:
            del waiting[number]
            taken.append(clock.now)
        else:
            waiting[number] = come_back
    assert waiting == {}
    for moment in taken:
        assert sum(1 for other in taken if moment <= other < moment + 60) <= 30 + 1
    # And the share is used: 80 requests of 1,000 tokens at 30,000 a minute.
    assert taken[-1] - began == pytest.approx(158, abs=2)


async def test_the_backlog_of_one_does_not_stand_before_another(table: Table, clock: Clock) -> None:
    process, began = budget(table, clock, share=1), clock.now
    for number in range(20):
        await ask(process, f"org_{began}", start=number)
    clock.now += 1.5  # the first one's tokens are used up
    assert await ask(process, f"org_{began}_small", start=0) is None


async def test_organisations_together_take_no_more_than_the_quota(
    table: Table, clock: Clock
) -> None:
    process, began = budget(table, clock), clock.now
    assert await ask(process, f"org_{began}_a", start=0, tokens=QUOTA) is None
    told = await ask(process, f"org_{began}_b", start=0, tokens=QUOTA)
    assert told is not None
    assert told - began >= 60


async def test_at_once_no_place_is_given_twice(table: Table, clock: Clock) -> None:
    process, began = budget(table, clock), clock.now
    told = await asyncio.gather(
        *(ask(process, f"org_{began}", start=number) for number in range(12))
    )
    places = sorted(round((at or began) - began) for at in told)
    assert places == [2 * number for number in range(12)]


async def test_a_line_has_an_end(table: Table, clock: Clock) -> None:
    process, began = budget(table, clock), clock.now
    assert await ask(process, f"org_{began}", start=0, tokens=QUOTA * 60 * 4) is None
    told = await ask(process, f"org_{began}", start=1)
    assert told == pytest.approx(began + ASK_AGAIN_SECONDS)
