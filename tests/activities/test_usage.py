"""Whatever is tried again or delivered again: what was used is counted once."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from openai import AsyncOpenAI
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.conversation import ConversationActivities
from activities.quotas import QuotaKeeper
from activities.usage import UsageActivities
from adapters.dynamodb import usage as usage_items
from adapters.dynamodb.conversations import Conversations
from adapters.dynamodb.outbox import Draft, Outbox
from adapters.dynamodb.people import People
from adapters.dynamodb.quota_counters import QuotaCounters
from adapters.dynamodb.table import Table
from adapters.dynamodb.usage import UsageItems
from adapters.keyring import KeyRing
from adapters.postgres.assistant_profiles import AssistantProfiles
from adapters.postgres.consents import Consents
from adapters.postgres.database import Database
from adapters.postgres.tables import Organization
from adapters.temporal.metrics import WorkerMetrics
from adapters.usage import UsageLedger
from contracts.conversation import RecordInbound
from contracts.ids import OrganizationId
from contracts.ingestion import EmbedPassages
from contracts.usage import RollUpPage
from domain.pricing import PriceTable
from domain.usage import QUARTER, quarter_of
from tests.activities.sending_desk import Desk, desk, stage, tools
from tests.adapters.dynamodb.builders import (
    a_conversation,
    a_record,
    a_request,
    a_turn,
    an_organization,
)
from tests.embedding_server import EmbeddingServer, Failure
from tests.ingestion import ingestion_activities
from tests.knowledge import new_knowledge

__all__ = ["desk", "stage", "tools"]


async def counted(table: Table, organization_id: OrganizationId) -> Counter[str]:
    """All that the organisation has used within the hour."""
    this = quarter_of(datetime.now(UTC))
    found = await UsageItems(table).of_quarters(
        organization_id, [this + number * QUARTER for number in range(-3, 2)]
    )
    total: Counter[str] = Counter()
    for usages in found.values():
        for usage in usages:
            total.update(usage.counts)
    return total


@pytest.fixture
def record(table: Table, database: Database) -> ConversationActivities:
    conversations = Conversations(table)
    profiles = AssistantProfiles(database, KeyRing(["a key ring of these tests alone"]))
    return ConversationActivities(
        conversations=conversations,
        people=People(table),
        database=database,
        quotas=QuotaKeeper(
            profiles=profiles,
            counters=QuotaCounters(table),
            conversations=conversations,
            metrics=WorkerMetrics(),
        ),
        profiles=profiles,
        consents=Consents(database),
    )


async def test_a_message_counts_once_however_often_it_is_recorded_and_delivered(
    table: Table, record: ConversationActivities
) -> None:
    ref = a_conversation()
    first, second = a_record(), a_record()

    async def run(request: RecordInbound) -> None:
        await ActivityEnvironment().run(record.record_inbound, request)

    request = a_request(ref, first, second, opening=True)
    for _ in range(3):
        await run(request)
    redelivered = a_record(wamid=first.message.whatsapp_message_id)
    await run(a_request(ref, redelivered))
    await run(a_request(ref, redelivered, a_record()))
    assert await counted(table, ref.organization_id) == {"messages_inbound.text": 3}


async def test_a_reply_counts_once_however_often_it_is_tried(desk: Desk) -> None:
    for _ in range(3):
        await desk.send("msg_1")
    assert await counted(desk.table, desk.ref.organization_id) == {
        "messages_outbound.text": 1,
        "tokens_output": 5,
    }


async def test_a_reply_that_meta_turned_away_for_now_counts_when_it_was_first_tried(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.meets({"effect": "error", "code": 130429, "count": 1})
    with pytest.raises(ApplicationError):
        await desk.send("msg_1")
    now = datetime.now(UTC)
    before = await counted(desk.table, desk.ref.organization_id)
    monkeypatch.setattr("adapters.dynamodb.outbox.utc_now", lambda: now + timedelta(hours=2))
    assert (await desk.send("msg_1")).outcome == "sent"
    assert await counted(desk.table, desk.ref.organization_id) == before
    assert before["messages_outbound.text"] == 1


async def test_a_reply_that_meta_refused_counts_as_handed_over(desk: Desk) -> None:
    await desk.meets({"effect": "error", "code": 131026, "count": 1})
    assert (await desk.send("msg_1")).outcome == "rejected"
    assert (await desk.send("msg_1")).outcome == "rejected"
    assert (await counted(desk.table, desk.ref.organization_id))["messages_outbound.text"] == 1


async def test_statuses_of_a_message_do_not_move_its_usage(desk: Desk) -> None:
    await desk.send("msg_1")
    before = await counted(desk.table, desk.ref.organization_id)
    await desk.has_statuses("delivered")
    await desk.take_statuses()
    assert await counted(desk.table, desk.ref.organization_id) == before


async def test_each_generation_of_a_turn_costs_its_own_tokens_and_prepared_texts_none(
    table: Table,
) -> None:
    turn, outbox = a_turn(a_conversation()), Outbox(table)
    for _ in range(2):
        await outbox.save_draft(
            turn,
            Draft(parts=(), model="m", input_tokens=100, cached_tokens=60, output_tokens=7),
        )
    await outbox.save_draft(turn, Draft(parts=()))
    assert await counted(table, turn.conversation.organization_id) == {
        "tokens_input": 200,
        "tokens_cached": 120,
        "tokens_output": 14,
    }


async def test_a_batch_of_passages_counts_once_as_the_server_says(
    table: Table,
    database: Database,
    embedding_client: AsyncOpenAI,
    embedding_server: EmbeddingServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    knowledge = await new_knowledge(database)
    activities = ingestion_activities(
        knowledge, embedding_client, tokens=len, usage=UsageItems(table)
    )
    ref = await knowledge.add("We deliver to Lisbon.")
    chunked = await ActivityEnvironment().run(activities.chunk_document, ref)
    batch = EmbedPassages(
        document=ref,
        version=chunked.version,
        start=0,
        end=chunked.passage_count,
        passage_count=chunked.passage_count,
    )
    embedding_server.failures.append(Failure(400))
    with pytest.raises(ApplicationError):
        await ActivityEnvironment().run(activities.embed_passages, batch)
    assert await counted(table, knowledge.organization_id) == {}
    await ActivityEnvironment().run(activities.embed_passages, batch)
    now = datetime.now(UTC)
    monkeypatch.setattr(usage_items, "utc_now", lambda: now + timedelta(minutes=15))
    await ActivityEnvironment().run(activities.embed_passages, batch)
    # The server says one token for each request.
    assert await counted(table, knowledge.organization_id) == {"tokens_embedding": 1}


async def test_an_organisation_that_fails_stops_no_other(table: Table, database: Database) -> None:
    good, bad, also_good = sorted(an_organization() for _ in range(3))
    now = datetime.now(UTC)
    async with database.platform() as session:
        for identifier in (good, bad, also_good):
            session.add(
                Organization(id=identifier, name=identifier, created_at=now - timedelta(hours=1))
            )
    items = UsageItems(table)
    of_quarters = items.of_quarters

    async def fails(organization_id: OrganizationId, *args: object) -> object:
        if organization_id == bad:
            raise ConnectionError("never again")
        return await of_quarters(organization_id, *args)  # type: ignore[arg-type] # as they came

    items.of_quarters = fails  # type: ignore[method-assign,assignment] # one organisation's data
    activities = UsageActivities(UsageLedger(database, items=items, prices=PriceTable()))
    page = RollUpPage(until=quarter_of(now), after="", limit=100)
    for attempt in range(2):
        done = await ActivityEnvironment().run(activities.roll_up_usage_page, page)
        assert (done.failed, done.next_after) == (1, None)
        assert (done.rolled >= 2) == (attempt == 0)


async def test_pages_lead_through_all_organisations(table: Table, database: Database) -> None:
    now = datetime.now(UTC)
    made = {an_organization() for _ in range(5)}
    async with database.platform() as session:
        for identifier in made:
            session.add(
                Organization(id=identifier, name=identifier, created_at=now - timedelta(minutes=40))
            )
    ledger = UsageLedger(database, items=UsageItems(table), prices=PriceTable())
    activities = UsageActivities(ledger)
    until, after, pages = quarter_of(now), "", 0
    while True:
        page = RollUpPage(until=until, after=after, limit=2)
        done = await ActivityEnvironment().run(activities.roll_up_usage_page, page)
        pages += 1
        if done.next_after is None:
            break
        after = done.next_after
    assert pages >= 3
    assert not made & set(await ledger.due(until=until, after="", limit=1000))
