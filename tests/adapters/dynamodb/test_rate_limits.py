import asyncio
from datetime import datetime, timedelta

from adapters.dynamodb.rate_limits import RateLimit, RateLimits
from adapters.dynamodb.table import Table
from contracts.ids import OrganizationId
from tests.adapters.dynamodb.builders import NOON, an_organization


async def hit(
    table: Table, organization_id: OrganizationId | None, *, key: str = "k", now: datetime = NOON
) -> RateLimit:
    return await RateLimits(table).hit(
        organization_id, scope="test", key=key, limit=3, window_seconds=60, now=now
    )


async def test_hits_beyond_the_limit_are_refused_until_the_window_ends(table: Table) -> None:
    organization = an_organization()

    hits = [await hit(table, organization, now=NOON + timedelta(seconds=n)) for n in range(5)]
    later = await hit(table, organization, now=NOON + timedelta(seconds=60))

    assert [one.allowed for one in hits] == [True, True, True, False, False]
    assert [one.remaining for one in hits] == [2, 1, 0, 0, 0]
    assert {one.reset_at for one in hits} == {NOON + timedelta(seconds=60)}
    assert later.allowed


async def test_processes_that_count_at_once_share_the_limit(table: Table) -> None:
    organization = an_organization()

    hits = await asyncio.gather(*(hit(table, organization) for _ in range(10)))

    assert sum(one.allowed for one in hits) == 3


async def test_keys_and_organisations_count_apart(table: Table) -> None:
    organization = an_organization()
    for _ in range(3):
        await hit(table, organization)

    assert not (await hit(table, organization)).allowed
    assert (await hit(table, organization, key="other")).allowed
    assert (await hit(table, an_organization())).allowed
