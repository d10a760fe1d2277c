"""What happens is told where it happens, by the activities that see it, and never lost."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.testing import ActivityEnvironment

from activities.conversation import ConversationActivities
from activities.desk import DeskActivities
from activities.quotas import QuotaKeeper
from adapters.dynamodb.conversations import Conversations
from adapters.dynamodb.echoes import Echoes
from adapters.dynamodb.outbox import Outbox
from adapters.dynamodb.people import People
from adapters.dynamodb.quota_counters import QuotaCounters
from adapters.dynamodb.table import Table
from adapters.postgres.assistant_profiles import AssistantProfiles
from adapters.postgres.consents import Consents
from adapters.postgres.database import Database
from adapters.temporal.metrics import WorkerMetrics
from contracts.conversation import ChangedStatus, ChangeStatus, Handoff, Operator, SettleUncertain
from contracts.events import BusinessEvent
from contracts.ids import MessageId
from tests.activities.sending_desk import Desk, desk, stage, tools
from tests.activities.test_quotas import KEY_RING, Shop
from tests.adapters.dynamodb.builders import NOON, a_record, a_request, a_turn

__all__ = ["desk", "stage", "tools"]


class Listener:
    """Hears what is told; deaf as often as it is said."""

    def __init__(self) -> None:
        self.events: list[BusinessEvent] = []
        self.deaf = 0

    async def __call__(self, *events: BusinessEvent) -> None:
        if events and self.deaf:
            self.deaf -= 1
            raise ConnectionError("Temporal does not answer")
        self.events += events

    @property
    def types(self) -> list[str]:
        return [event.type for event in self.events]


@pytest.fixture
def listener() -> Listener:
    return Listener()


def a_desk(shop: Shop, listener: Listener) -> DeskActivities:
    outbox = Outbox(shop.table)
    return DeskActivities(
        conversations=shop.conversations,
        outbox=outbox,
        echoes=Echoes(shop.table, outbox),
        profiles=shop.profiles,
        tell=listener,
    )


@pytest.fixture
async def shop(database: Database, table: Table, listener: Listener) -> AsyncIterator[Shop]:
    async with AssistantProfiles(database, KEY_RING) as profiles:
        shop = Shop(database, table, profiles)
        shop.keeper = QuotaKeeper(
            profiles=profiles,
            counters=QuotaCounters(table),
            conversations=Conversations(table),
            metrics=WorkerMetrics(),
            tell=listener,
        )
        shop.activities = ConversationActivities(
            conversations=Conversations(table),
            people=People(table),
            database=database,
            quotas=shop.keeper,
            profiles=profiles,
            consents=Consents(database),
            tell=listener,
        )
        yield shop


async def test_each_new_message_is_told_of_and_one_that_is_known_is_not(
    shop: Shop, listener: Listener
) -> None:
    await shop.open()
    ref = shop.conversation()
    records = [a_record(), a_record()]
    request = a_request(ref, *records)
    await shop.record(request)
    assert [event.message_id for event in listener.events] == [one.message_id for one in records]
    assert listener.types == ["message.received"] * 2
    assert {event.occurred_at for event in listener.events} == {NOON}
    await shop.record(a_request(ref, *records))
    assert len(listener.events) == 2


async def test_a_step_that_could_not_tell_is_repeated_and_tells_then(
    shop: Shop, listener: Listener
) -> None:
    await shop.open()
    request = a_request(shop.conversation(), a_record())
    listener.deaf = 1
    with pytest.raises(ConnectionError):
        await shop.record(request)
    assert (await shop.record(request)).fresh == [request.messages[0].message_id]
    assert listener.types == ["message.received"]
    # Once more, after the answer was lost: the same event.
    await shop.record(request)
    assert len({event.id for event in listener.events}) == 1


async def test_a_conversation_that_has_ended_is_told_of_once(
    shop: Shop, listener: Listener
) -> None:
    await shop.open()
    turn, desk = a_turn(shop.conversation()), a_desk(shop, listener)
    for _ in range(2):
        await ActivityEnvironment().run(desk.close_conversation, turn)
    assert listener.types == ["conversation.closed"] * 2
    assert len({event.id for event in listener.events}) == 1


async def test_a_human_is_told_of_once_however_often_they_write(
    shop: Shop, listener: Listener
) -> None:
    await shop.open()
    desk, since = a_desk(shop, listener), datetime(2026, 1, 5, 10, tzinfo=UTC)
    ref = shop.conversation()
    ana = Operator(api_key_id="key_1", name="Ana")

    async def change(handoff: Handoff | None) -> ChangedStatus:
        status = "bot" if handoff is None else "human"
        request = ChangeStatus(conversation=ref, status=status, handoff=handoff)
        changed: ChangedStatus = await ActivityEnvironment().run(desk.change_status, request)
        return changed

    waiting = Handoff(reason="person", since=since)
    assert (await change(waiting)).returns_at == since + timedelta(hours=1)
    taken = waiting.model_copy(update={"operator": ana, "human_at": since})
    for minutes in (0, 5):
        wrote = since + timedelta(minutes=minutes)
        changed = await change(taken.model_copy(update={"human_at": wrote}))
        assert changed.returns_at == wrote + timedelta(hours=1)
    await change(None)
    told = list(dict.fromkeys((event.type, event.id) for event in listener.events))
    assert [kind for kind, _ in told] == [
        "conversation.handoff", "conversation.taken_over", "conversation.released",
    ]  # fmt: skip


async def test_a_limit_that_is_reached_is_told_of(shop: Shop, listener: Listener) -> None:
    await shop.open(messages_per_day={"soft": 2, "hard": 3})
    for _ in range(5):
        await shop.say(shop.conversation())
    limits = [event for event in listener.events if event.type == "usage.limit_reached"]
    assert [event.data["limit"] for event in limits] == ["soft", "hard"]
    assert {event.data["quota"] for event in limits} == {"messages_per_day"}
    assert {event.conversation_id for event in limits} == {None}


async def test_a_limit_is_told_of_although_the_first_try_failed(
    shop: Shop, listener: Listener
) -> None:
    await shop.open(messages_per_day=1)
    request = a_request(shop.conversation(), a_record())
    listener.deaf = 2
    with pytest.raises(ConnectionError):
        await shop.record(request)
    listener.deaf = 0
    await shop.record(request)
    # The one that was cut off may have told of it after all: it is the same event.
    told = {(event.type, event.id) for event in listener.events}
    assert sorted(event_type for event_type, _ in told) == [
        "message.received",
        "usage.limit_reached",
    ]


async def test_tokens_that_reach_a_limit_are_told_of_and_never_cost_the_reply(
    shop: Shop, listener: Listener
) -> None:
    await shop.open(tokens_per_day=100)
    ref = shop.conversation()
    await shop.say(ref)
    shop.replies._quotas = shop.keeper
    listener.deaf = 1
    assert (await shop.generate(ref)).parts == 1
    await shop.open(tokens_per_day=100)
    await shop.generate(shop.conversation())
    await shop.keeper.close()
    assert "usage.limit_reached" in listener.types


async def test_a_message_that_was_sent_is_told_of_on_every_path(
    desk: Desk, listener: Listener
) -> None:
    desk.activities._tell = listener
    listener.deaf = 1
    with pytest.raises(ConnectionError):
        await desk.send("msg_1")
    assert (await desk.send("msg_1")).outcome == "sent"
    await desk.send("msg_1")
    assert listener.types == ["message.sent"] * 2
    assert len({event.id for event in listener.events}) == 1
    assert len(await desk.arrived()) == 1


async def test_a_message_that_meta_refuses_is_told_of_with_its_code(
    desk: Desk, listener: Listener
) -> None:
    desk.activities._tell = listener
    await desk.stage.put_faults({"effect": "error", "code": 131047, "count": 1})
    assert (await desk.send("msg_1")).outcome == "rejected"
    (event,) = listener.events
    assert event.type == "message.status"
    assert event.data == {"status": "failed", "error_code": 131047}


async def test_an_uncertain_message_is_told_of_when_it_is_settled(
    desk: Desk, listener: Listener
) -> None:
    desk.activities._tell = listener
    await desk.stage.put_faults({"effect": "lost_answer", "seconds": 5, "count": 1})
    if (await desk.send("msg_1")).outcome == "uncertain":
        assert listener.events == []
    await desk.stage.receiver.until(lambda: len(desk.stage.receiver.statuses()) >= 2)
    await desk.take_statuses()
    await ActivityEnvironment().run(
        desk.activities.settle_uncertain_send,
        SettleUncertain(conversation=desk.ref, message_id=MessageId("msg_1")),
    )
    assert set(listener.types) == {"message.sent"}
    assert len({event.id for event in listener.events}) == 1
