"""Counters that many processes share."""

import asyncio
from datetime import datetime

from adapters.dynamodb import keys
from adapters.dynamodb.quota_counters import KEPT, QuotaCounters
from adapters.dynamodb.table import Table
from contracts.ids import OrganizationId, PersonId, TurnId
from contracts.quotas import Quotas
from domain.quotas import Period, Used, Window, verdict, windows
from tests.adapters.dynamodb.builders import NOON, an_id, an_organization

WINDOWS = windows(NOON, timezone="Europe/Madrid")


async def count(
    table: Table,
    organization_id: OrganizationId,
    *periods: Period,
    person_id: PersonId | None = None,
    messages: int = 0,
    tokens: int = 0,
    now: datetime = NOON,
) -> dict[Period, Used]:
    current = windows(now, timezone="Europe/Madrid")
    return await QuotaCounters(table).add(
        organization_id,
        {period: current[period] for period in periods},
        person_id=person_id or PersonId(an_id("wau")),
        messages=messages,
        tokens=tokens,
    )


async def test_an_addition_answers_with_the_count_and_lasts_as_long_as_its_window(
    table: Table,
) -> None:
    organization = an_organization()
    await count(table, organization, "day", "month", messages=2)
    used = await count(table, organization, "day", messages=1, tokens=70)
    assert used == {"day": Used(3, 70)}

    day, month = WINDOWS["day"], WINDOWS["month"]
    read = await QuotaCounters(table).read(organization, [day, month])
    assert read == {day: Used(3, 70), month: Used(2, 0)}
    tomorrow = windows(day.ends, timezone="Europe/Madrid")["day"]
    assert await QuotaCounters(table).read(organization, [tomorrow]) == {tomorrow: Used()}

    item = await table.get(keys.quota(organization, day.label))
    assert item is not None
    assert item["expires_at"] == int((day.ends + KEPT).timestamp())


async def test_nothing_to_read_costs_nothing(table: Table, counted: list[str]) -> None:
    assert await QuotaCounters(table).read(an_organization(), []) == {}
    assert await count(table, an_organization(), messages=1) == {}
    assert counted == []


async def test_each_person_has_minutes_of_their_own_and_all_share_the_day(table: Table) -> None:
    organization = an_organization()
    for person in (PersonId("wau_a"), PersonId("wau_b")):
        used = await count(table, organization, "minute", "day", person_id=person, messages=1)
    assert used == {"minute": Used(1), "day": Used(2)}
    elsewhere = await count(table, an_organization(), "minute", "day", messages=1)
    assert elsewhere == {"minute": Used(1), "day": Used(1)}


async def test_of_many_that_count_at_once_exactly_the_limit_gets_through(table: Table) -> None:
    organization = an_organization()
    quotas = Quotas.of({"messages_per_day": 5})
    used = await asyncio.gather(*(count(table, organization, "day", messages=1) for _ in range(12)))
    assert sum(verdict(quotas, one, fresh=1).allowed for one in used) == 5


async def test_one_turn_tells_a_person_of_a_limit_however_often_it_asks(table: Table) -> None:
    organization, person = an_organization(), PersonId(an_id("wau"))
    counters = QuotaCounters(table)

    async def told(turn: str, window: Window, who: PersonId = person) -> bool:
        return await counters.is_to_be_told(
            organization, window, person_id=who, turn_id=TurnId(turn)
        )

    day = WINDOWS["day"]
    assert [await told("one", day), await told("one", day), await told("two", day)] == [
        True,
        True,
        False,
    ]
    assert await told("two", windows(day.ends, timezone="Europe/Madrid")["day"])
    assert await told("two", day, PersonId(an_id("wau")))
    assert await told("two", WINDOWS["month"])
