"""The ledger on real stores: live or rolled up, once or twice or interrupted, it is the same."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from adapters.dynamodb import keys
from adapters.dynamodb.table import Table
from adapters.dynamodb.usage import UsageItems, usage_attributes
from adapters.postgres import organizations
from adapters.postgres import usage as rolled
from adapters.postgres.database import Database
from adapters.postgres.tables import Document, KnowledgeBase, Organization, UsageMetric
from adapters.usage import UsageLedger, UsageReport
from contracts.ids import ChannelId, DocumentId, KnowledgeBaseId, OrganizationId
from domain.pricing import PriceTable
from domain.usage import (
    LEVELS,
    QUARTER,
    Cell,
    Usage,
    embedding,
    generation,
    inbound_message,
    outbound_message,
    quarter_of,
)
from domain.usage_periods import Granularity, periods_between
from tests.adapters.dynamodb.builders import an_id
from tests.adapters.dynamodb.conftest import dynamodb_settings, module_environment, table
from tests.knowledge_fixtures import database

__all__ = ["database", "dynamodb_settings", "module_environment", "table"]

NOW = datetime(2026, 3, 2, 12, 7, tzinfo=UTC)
UNTIL = datetime(2026, 3, 2, 11, 45, tzinfo=UTC)
MADRID = ZoneInfo("Europe/Madrid")
CHANNEL = ChannelId("chn_a")


class Books:
    """An organisation whose usage is written down as the product does, at times of our choice."""

    def __init__(self, database: Database, table: Table) -> None:
        self.database, self.table = database, table
        self.ledger = UsageLedger(database, items=UsageItems(table), prices=PriceTable())
        self.organization_id = organizations.new_organization_id()

    async def open(self, *, created_at: datetime = NOW - timedelta(days=2)) -> "Books":
        async with self.database.platform() as session:
            session.add(Organization(id=self.organization_id, name="Books", created_at=created_at))
        return self

    async def use(self, at: datetime, usage: Usage) -> keys.Key:
        key = keys.Key(f"{self.organization_id}/things", an_id("thing"))
        await self.table.put(
            key, usage_attributes(usage, organization_id=self.organization_id, at=at)
        )
        return key

    async def roll_up(self, *, until: datetime = UNTIL, now: datetime = NOW) -> int:
        return await self.ledger.roll_up(self.organization_id, until=until, now=now)

    async def report(self, *, granularity: Granularity = "day", now: datetime = NOW) -> UsageReport:
        periods = periods_between(
            now - timedelta(days=3), now, zone=MADRID, granularity=granularity
        )
        return await self.ledger.report(self.organization_id, periods, now=now)

    async def totals(self, *, granularity: Granularity = "day") -> Counter[str]:
        totals: Counter[str] = Counter()
        for (_, _, _, metric), value in (await self.report(granularity=granularity)).sums.items():
            totals[metric] += value
        return totals

    async def stored(self) -> dict[Cell, int]:
        async with self.database.tenant(self.organization_id) as session:
            rows = await session.exec(select(UsageMetric))
            return {
                Cell(row.quarter.astimezone(UTC), row.channel_id, row.model, row.metric): row.value
                for row in rows
                if row.metric not in LEVELS
            }


@pytest.fixture
async def books(database: Database, table: Table) -> Books:
    return await Books(database, table).open()


async def some_usage(books: Books) -> None:
    """In final quarters, in quarters that are not final, and on both days."""
    for at in (NOW - timedelta(hours=30), UNTIL - QUARTER, UNTIL, NOW):
        await books.use(at, inbound_message(CHANNEL, "text"))
        await books.use(at, outbound_message(CHANNEL, "text"))
        await books.use(
            at,
            generation(
                CHANNEL, "gpt-5-mini", input_tokens=1000, cached_tokens=600, output_tokens=50
            ),
        )
    await books.use(UNTIL - QUARTER, embedding("text-embedding-3-small", tokens=50_000))


EXPECTED = {
    "messages_inbound.text": 4,
    "messages_outbound.text": 4,
    "tokens_input": 4000,
    "tokens_cached": 2400,
    "tokens_output": 200,
    "tokens_embedding": 50_000,
    # Each generation 400 * 0.25 + 600 * 0.025 + 50 * 2, and 50,000 embedded at 0.02.
    "cost_microusd": 4 * 215 + 1000,
}


async def test_live_and_rolled_up_usage_are_the_same(books: Books) -> None:
    await some_usage(books)
    live = (await books.report()).sums
    assert await books.totals() == EXPECTED

    await books.roll_up()
    assert {cell.quarter < UNTIL for cell in await books.stored()} == {True}
    assert (await books.report()).sums == live
    await books.roll_up(until=NOW + QUARTER)
    assert (await books.report()).sums == live
    for granularity in ("hour", "day", "month"):
        assert await books.totals(granularity=granularity) == EXPECTED


async def test_rolling_up_again_changes_nothing(books: Books) -> None:
    await some_usage(books)
    assert await books.roll_up() == (UNTIL - quarter_of(NOW - timedelta(days=2))) / QUARTER
    stored = await books.stored()
    assert await books.roll_up() == 0
    assert await books.stored() == stored


async def test_a_roll_up_that_breaks_off_goes_on_where_it_was(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    await some_usage(books)
    record, written = rolled.record, 0

    async def breaks_off(*args: object, **options: object) -> None:
        nonlocal written
        await record(*args, **options)  # type: ignore[arg-type] # handed on as they came
        written += 1
        if written == 2:
            # Within the transaction: what was just written must go back.
            raise ConnectionError("cut off")

    with monkeypatch.context() as patch:
        patch.setattr(rolled, "record", breaks_off)
        with pytest.raises(ConnectionError):
            await books.roll_up()
    assert 0 < len(await books.stored()) < len(EXPECTED) * 2
    assert await books.totals() == EXPECTED

    await books.roll_up()
    assert await books.totals() == EXPECTED


async def test_a_conversation_that_is_erased_later_stays_counted(books: Books) -> None:
    key = await books.use(UNTIL - QUARTER, inbound_message(CHANNEL, "text"))
    await books.roll_up()
    await books.table.client.delete_item(TableName=books.table.name, Key=key.item())
    quarter = UNTIL - QUARTER
    async with books.database.tenant(books.organization_id) as session:
        cell = Cell(quarter, CHANNEL, None, "messages_inbound.text")
        await rolled.record(session, books.organization_id, {cell: 0}, rolled_until=UNTIL - QUARTER)
    assert await books.totals() == {"messages_inbound.text": 1}


async def test_usage_of_another_organisation_is_not_seen(
    books: Books, database: Database, table: Table
) -> None:
    theirs = await Books(database, table).open()
    await some_usage(theirs)
    await theirs.roll_up()
    assert await books.totals() == {}


async def test_a_roll_up_that_is_far_behind_says_so(database: Database, table: Table) -> None:
    books = await Books(database, table).open(created_at=NOW - timedelta(days=6))
    await books.use(NOW - timedelta(hours=60), inbound_message(CHANNEL, "text"))
    await books.use(NOW, inbound_message(CHANNEL, "text"))
    behind = await books.report()
    assert (sum(behind.sums.values()), behind.complete) == (1, False)
    await books.roll_up()
    caught_up = await books.report()
    assert (sum(caught_up.sums.values()), caught_up.complete) == (2, True)


async def test_those_that_are_due_have_final_quarters_and_are_not_being_deleted(
    database: Database, table: Table
) -> None:
    due, rolled_up, new, deleting = [Books(database, table) for _ in range(4)]
    for books in (due, rolled_up, deleting):
        await books.open()
    await new.open(created_at=NOW)
    await rolled_up.roll_up()
    async with database.platform() as session:
        organization = await organizations.get(session, deleting.organization_id)
        assert organization is not None
        organization.deleting_at = NOW
        session.add(organization)
    found = await due.ledger.due(until=UNTIL, after="", limit=1000)
    ours = {books.organization_id for books in (due, rolled_up, new, deleting)}
    assert ours & set(found) == {due.organization_id}
    assert found == sorted(found)
    later = await due.ledger.due(until=UNTIL + QUARTER, after="", limit=1000)
    assert ours & set(later) == {due.organization_id, rolled_up.organization_id}


async def test_levels_are_what_is_kept_and_same_contents_count_once(books: Books) -> None:
    await keep_documents(books)
    await books.roll_up(now=NOW - timedelta(days=1))
    report = await books.report()
    assert report.levels == {
        "documents": [None, None, 3, 3],
        "passages": [None, None, 7, 7],
        "storage_bytes": [None, None, 300, 300],
    }
    async with books.database.tenant(books.organization_id) as session:
        for document in await session.exec(select(Document)):
            await session.delete(document)
    report = await books.report()
    assert report.levels["documents"] == [None, None, 3, 0]


async def test_a_level_that_stays_is_written_once_a_day(books: Books) -> None:
    for hour in range(30):
        await books.roll_up(now=NOW + timedelta(hours=hour))
    async with books.database.tenant(books.organization_id) as session:
        written = await rolled.levels_between(session, NOW - QUARTER, NOW + timedelta(days=2))
    assert {metric: len(values) for metric, values in written.items()} == {
        "documents": 2,
        "passages": 2,
        "storage_bytes": 2,
    }


EVENTS = st.lists(
    st.tuples(
        st.integers(0, 5 * 60).map(lambda minutes: NOW - timedelta(minutes=minutes)),
        st.sampled_from(
            [
                inbound_message(CHANNEL, "text"),
                inbound_message(ChannelId("chn_b"), "image"),
                outbound_message(CHANNEL, "text"),
                generation(CHANNEL, "our-own", input_tokens=7, cached_tokens=2, output_tokens=3),
                generation(CHANNEL, "gpt-5", input_tokens=701, cached_tokens=0, output_tokens=31),
                embedding("text-embedding-3-small", tokens=40),
            ]
        ),
    ),
    max_size=12,
)


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(events=EVENTS, until=st.lists(st.integers(0, 20), min_size=1, max_size=2))
async def test_however_far_it_was_rolled_up_the_sums_are_those_of_the_live_count(
    database: Database, table: Table, events: list[tuple[datetime, Usage]], until: list[int]
) -> None:
    books = await Books(database, table).open(created_at=NOW - timedelta(hours=6))
    for at, usage in events:
        await books.use(at, usage)
    live = (await books.report(granularity="hour")).sums
    for number in until:
        await books.roll_up(until=quarter_of(NOW + QUARTER) - number * QUARTER)
        assert (await books.report(granularity="hour")).sums == live


async def keep_documents(books: Books) -> None:
    base = KnowledgeBaseId(an_id("kb"))
    async with books.database.tenant(books.organization_id) as session:
        session.add(
            KnowledgeBase(
                id=base, organization_id=books.organization_id, name="b", embedding_model="m"
            )
        )
        await session.flush()
        for size, content, passages in ((100, "a", 4), (100, "a", 3), (200, "b", 0)):
            session.add(
                Document(
                    id=DocumentId(an_id("doc")),
                    organization_id=OrganizationId(books.organization_id),
                    knowledge_base_id=base,
                    title="t",
                    media_type="text/plain",
                    size_bytes=size,
                    content_sha256=content,
                    active_version=1 if passages else None,
                    chunk_count=passages,
                )
            )


async def test_how_far_a_roll_up_is_is_told_of_the_organisation_that_is_asked_for(
    database: Database, table: Table
) -> None:
    """Also where a session sees them all."""
    first = await Books(database, table).open(created_at=NOW - timedelta(days=3))
    second = await Books(database, table).open(created_at=NOW - timedelta(days=1))
    async with database.platform() as session:
        states = [await rolled.state(session, books.organization_id) for books in (first, second)]
    assert [state and state.created_at for state in states] == [
        NOW - timedelta(days=3),
        NOW - timedelta(days=1),
    ]
