"""Quotas through the real activities, on PostgreSQL and DynamoDB."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any
from unittest.mock import Mock

import pytest
from botocore.exceptions import EndpointConnectionError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from temporalio import activity
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from ulid import ULID

from activities.answers import AnswerReader
from activities.conversation import ConversationActivities
from activities.pictures import Pictures
from activities.quotas import QuotaKeeper
from activities.replying import ReplyActivities
from activities.transcripts import Transcripts
from adapters.dynamodb.conversations import Conversations
from adapters.dynamodb.outbox import Outbox
from adapters.dynamodb.people import People
from adapters.dynamodb.quota_counters import QuotaCounters
from adapters.dynamodb.summaries import Summaries
from adapters.dynamodb.table import Table
from adapters.dynamodb.values import utc_now
from adapters.keyring import KeyRing
from adapters.memory import Memories
from adapters.openai.chat import Completion, CompletionRequest, ModelServer
from adapters.openai.tokens import count_tokens
from adapters.postgres import assistants, channels, organizations
from adapters.postgres.assistant_profiles import AssistantProfiles
from adapters.postgres.consents import Consents
from adapters.postgres.database import Database
from adapters.postgres.tables import Assistant, Channel, Organization
from adapters.temporal.metrics import WorkerMetrics
from contracts.conversation import (
    CannedReply,
    ConversationRef,
    DraftedReply,
    GenerateReply,
    InboundRecord,
    RecordedInbound,
    RecordInbound,
    RetrievedPassages,
    SendPart,
    SentPart,
    Turn,
    WriteReply,
)
from contracts.ids import AssistantId, OrganizationId, PersonId, conversation_id
from contracts.quotas import Quotas, ReachedLimit
from domain.canned import canned_text
from domain.quotas import Used, windows
from tests.activities.test_usage import counted as counted_usage
from tests.adapters.dynamodb.builders import a_record, a_request, a_turn
from tests.servers import ConnectTemporal
from tests.workflows.conversation_world import RunningConversation, World, eventually, message

KEY_RING = KeyRing(["a key ring for tests, long enough to be one"])


class Model:
    """Answers every prompt, for so many tokens."""

    default = ModelServer(base_url="http://127.0.0.1:1", api_key=None)

    def __init__(self) -> None:
        self.answer = "We open at nine."

    async def complete(self, request: CompletionRequest, **_: Any) -> Completion:
        return Completion(
            text=self.answer, model=request.model, input_tokens=100, cached_tokens=0,
            output_tokens=20,
        )  # fmt: skip


class NoPassages:
    async def passages_by_id(self, *_: Any, **__: Any) -> dict[Any, Any]:
        return {}

    async def of(self, _turn: Turn) -> RetrievedPassages:
        return RetrievedPassages()


class NoReceipts:
    def start(self, *_: Any, **__: Any) -> None:
        """Nobody sees that a message was read."""


class Shop:
    """An organisation with one number, and the activities that answer on it."""

    def __init__(self, database: Database, table: Table, profiles: AssistantProfiles) -> None:
        self.database, self.table, self.profiles = database, table, profiles
        self.conversations = Conversations(table)
        self.counters = QuotaCounters(table)
        self.model = Model()
        self.keeper = QuotaKeeper(
            profiles=profiles,
            counters=self.counters,
            conversations=self.conversations,
            metrics=WorkerMetrics(),
        )
        self.activities = ConversationActivities(
            conversations=self.conversations,
            people=People(table),
            database=database,
            quotas=self.keeper,
            profiles=profiles,
            consents=Consents(database),
        )
        self.replies = ReplyActivities(
            profiles=profiles,
            transcripts=Transcripts(self.conversations),
            outbox=Outbox(table),
            retriever=NoPassages(),  # type: ignore[arg-type] # duck-typed: nothing is found
            models=self.model,  # type: ignore[arg-type] # duck-typed: see its docstring
            pictures=Pictures(Mock(), vision=False),
            quotas=self.keeper,
            lookup=NoPassages(),  # type: ignore[arg-type] # duck-typed, too
            receipts=NoReceipts(),  # type: ignore[arg-type] # duck-typed: nobody is told
            memories=Memories(Summaries(table), database),
            answers=AnswerReader(WorkerMetrics()),
            unanswered=Mock(),
            default_model="m",
            count_tokens=count_tokens,
        )
        self.organization_id: OrganizationId
        self.assistant_id: AssistantId
        self.channel: Channel

    async def open(self, **quotas: Any) -> None:
        self.organization_id = organizations.new_organization_id()
        async with self.database.platform() as session:
            await organizations.create(
                session,
                Organization(
                    id=self.organization_id,
                    name="Shop",
                    quotas=quotas,
                    timezone="Asia/Kathmandu",
                ),
            )
        async with self.database.tenant(self.organization_id) as session:
            assistant = await assistants.create(
                session,
                Assistant(
                    id=assistants.new_assistant_id(),
                    organization_id=self.organization_id,
                    name="Ada",
                    quota_message="We are full for today.",
                ),
            )
            self.assistant_id = assistant.id
            self.channel = await channels.create(
                session,
                keyring=KEY_RING,
                organization_id=self.organization_id,
                phone_number_id=str(ULID()),
                waba_id="1",
                display_phone_number="1",
                access_token="t",
                assistant_id=assistant.id,
            )

    def conversation(self, person: str = "") -> ConversationRef:
        person_id = PersonId(person or f"wau_{ULID()}")
        return ConversationRef(
            organization_id=self.organization_id,
            channel_id=self.channel.id,
            person_id=person_id,
            conversation_id=conversation_id(self.channel.id, person_id),
        )

    async def record(self, request: RecordInbound) -> RecordedInbound:
        recorded: RecordedInbound = await ActivityEnvironment().run(
            self.activities.record_inbound, request
        )
        return recorded

    async def say(self, ref: ConversationRef, *, messages: int = 1) -> ReachedLimit | None:
        return (await self.record(a_request(ref, *(a_record() for _ in range(messages))))).limit

    async def generate(self, ref: ConversationRef) -> DraftedReply:
        drafted: DraftedReply = await ActivityEnvironment().run(
            self.replies.generate_reply, GenerateReply(turn=a_turn(ref), passages=())
        )
        return drafted

    async def used(self) -> Used:
        day = windows(utc_now(), timezone="Asia/Kathmandu")["day"]
        return (await self.counters.read(self.organization_id, [day]))[day]


@pytest.fixture
async def shop(database: Database, table: Table) -> AsyncIterator[Shop]:
    async with AssistantProfiles(database, KEY_RING) as profiles:
        yield Shop(database, table, profiles)


async def test_without_quotas_a_message_costs_one_call_and_with_them_one_round_more(
    shop: Shop, counted: list[str]
) -> None:
    await shop.open()
    ref = shop.conversation()
    await shop.say(ref)
    assert counted == ["TransactWriteItems"]
    counted.clear()
    await shop.generate(ref)
    without = sorted(counted)

    await shop.open(messages_per_person_per_minute=9, messages_per_day=9, tokens_per_month=900)
    ref = shop.conversation()
    counted.clear()
    await shop.say(ref)
    assert counted == ["TransactWriteItems", "UpdateItem", "UpdateItem", "UpdateItem"]
    counted.clear()
    await shop.generate(ref)
    assert sorted(counted) == [*without, "UpdateItem", "UpdateItem"]


async def test_messages_past_the_limit_are_recorded_and_refused_and_told_once(shop: Shop) -> None:
    await shop.open(messages_per_day=2)
    ref = shop.conversation()
    assert await shop.say(ref) is None

    request = a_request(ref, *(a_record() for _ in range(3)))
    limit = (await shop.record(request)).limit
    assert limit is not None
    assert limit.refused == [record.message_id for record in request.messages[1:]]
    assert (limit.quota, limit.tell) == ("messages_per_day", True)
    assert limit.until == windows(utc_now(), timezone="Asia/Kathmandu")["day"].ends

    again = await shop.say(ref)
    assert again is not None
    assert not again.tell
    assert len(await shop.conversations.recent(ref, limit=10)) == 5
    other = await shop.say(shop.conversation())
    assert other is not None
    assert other.tell


def a_reaction() -> InboundRecord:
    record = a_record()
    return record.model_copy(
        update={"message": record.message.model_copy(update={"reply": "none"})}
    )


async def test_what_asks_for_no_reply_counts_and_is_not_refused(shop: Shop) -> None:
    await shop.open(messages_per_day=0)
    ref = shop.conversation()
    assert (await shop.record(a_request(ref, a_reaction()))).limit is None
    assert (await shop.used()).messages == 1
    both = a_request(ref, a_record(), a_reaction())
    limit = (await shop.record(both)).limit
    assert limit is not None
    assert limit.refused == [both.messages[0].message_id]


async def test_the_conversation_says_that_it_is_limited_until_it_is_not(shop: Shop) -> None:
    await shop.open(messages_per_month=0)
    ref = shop.conversation()
    limit = await shop.say(ref)
    assert limit is not None
    stored = await shop.conversations.get(ref.organization_id, ref.conversation_id)
    assert stored is not None
    assert (stored.limited_by, stored.limited_until) == ("messages_per_month", limit.until)

    await change_quotas(shop)
    assert await shop.say(ref) is None
    stored = await shop.conversations.get(ref.organization_id, ref.conversation_id)
    assert stored is not None
    assert (stored.limited_by, stored.limited_until) == (None, None)


async def test_a_repeated_activity_decides_the_same_and_counts_nothing_twice(shop: Shop) -> None:
    await shop.open(messages_per_day=2)
    request = a_request(shop.conversation(), *(a_record() for _ in range(3)))
    first = await shop.record(request)
    assert first.limit is not None
    assert await shop.record(request) == first
    assert (await shop.used()).messages == 3


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from(["once", "twice", "at once", "cut off"])),
        min_size=1,
        max_size=6,
    )
)
async def test_retries_never_count_a_message_twice_and_cost_at_most_those_cut_off(
    shop: Shop, turns: list[tuple[int, str]]
) -> None:
    await shop.open(messages_per_day=1000)
    ref = shop.conversation()
    sent = cut_off = 0
    for count, fate in turns:
        request = a_request(ref, *(a_record() for _ in range(count)))
        sent += count
        match fate:
            case "once":
                await shop.record(request)
            case "twice":
                await shop.record(request)
                await shop.record(request)
            case "at once":
                await asyncio.gather(shop.record(request), shop.record(request))
            case "cut off":
                # The worker died between the record and the counters; another one repeats it.
                await shop.conversations.record_inbound(request)
                cut_off += count
                await shop.record(request)
    assert (await shop.used()).messages == sent - cut_off


async def test_a_lost_answer_of_the_counters_is_asked_for_again_without_counting_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.open(messages_per_day=1)
    request = a_request(shop.conversation(), a_record(), a_record())
    add = shop.counters.add

    async def lost(*arguments: Any, **named: Any) -> Any:
        await add(*arguments, **named)
        raise EndpointConnectionError(endpoint_url="dynamodb")

    with monkeypatch.context() as patch:
        patch.setattr(shop.counters, "add", lost)
        with pytest.raises(EndpointConnectionError):
            await shop.record(request)
    limit = (await shop.record(request)).limit
    assert limit is not None
    assert limit.refused == [request.messages[1].message_id]
    assert (await shop.used()).messages == 2


async def test_tokens_are_counted_for_every_reply_and_stop_the_next(shop: Shop) -> None:
    await shop.open(tokens_per_day=130)
    ref = shop.conversation()
    assert await shop.say(ref) is None
    await shop.generate(ref)
    assert (await shop.used()).tokens == 120
    assert await shop.say(ref) is None
    await shop.generate(ref)
    limit = await shop.say(ref)
    assert limit is not None
    assert limit.quota == "tokens_per_day"


async def test_a_reply_that_was_superseded_once_written_was_paid_for(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.open(tokens_per_day=1000)
    written = asyncio.Event()

    async def never_saved(*_: Any) -> str:
        written.set()
        await asyncio.Event().wait()
        return ""

    monkeypatch.setattr(Outbox, "save_draft", never_saved)
    generation = asyncio.create_task(shop.generate(shop.conversation()))
    await asyncio.wait_for(written.wait(), 10)
    generation.cancel()
    await asyncio.gather(generation, return_exceptions=True)
    await has_used(shop, tokens=120)


async def test_an_empty_answer_was_paid_for_too(shop: Shop) -> None:
    await shop.open(tokens_per_day=1000)
    shop.model.answer = ""
    ref = shop.conversation()
    with pytest.raises(ApplicationError, match="empty"):
        await shop.generate(ref)
    await has_used(shop, tokens=120)
    assert await counted_usage(shop.table, shop.organization_id) == {
        "tokens_input": 100,
        "tokens_output": 20,
    }


async def test_tokens_of_a_reply_that_was_cut_off_are_counted_before_the_worker_ends(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.open(tokens_per_day=1000)
    asked, answering = asyncio.Event(), asyncio.Event()
    add = shop.counters.add

    async def slow(*arguments: Any, **named: Any) -> Any:
        asked.set()
        await answering.wait()
        return await add(*arguments, **named)

    monkeypatch.setattr(shop.counters, "add", slow)
    generation = asyncio.create_task(shop.generate(shop.conversation()))
    await asyncio.wait_for(asked.wait(), 10)
    generation.cancel()
    await asyncio.gather(generation, return_exceptions=True)
    closing = asyncio.create_task(shop.keeper.close())
    answering.set()
    await asyncio.wait_for(closing, 10)
    assert (await shop.used()).tokens == 120


async def test_a_reply_that_cannot_be_counted_is_sent_all_the_same(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.open(tokens_per_day=1000)

    async def down(*_: Any, **__: Any) -> Any:
        raise EndpointConnectionError(endpoint_url="dynamodb")

    monkeypatch.setattr(shop.counters, "add", down)
    assert (await shop.generate(shop.conversation())).parts == 1


async def test_changed_words_are_said_in_the_next_turn(shop: Shop) -> None:
    await shop.open(messages_per_day=0)
    turn = a_turn(shop.conversation())

    async def said() -> list[str]:
        drafted: DraftedReply = await ActivityEnvironment().run(
            shop.replies.draft_canned_reply, CannedReply(turn=turn, kind="quota")
        )
        draft = await Outbox(shop.table).draft(turn, drafted.draft_id)
        assert draft is not None
        return [part.text for part in draft.parts]

    assert await said() == ["We are full for today."]
    async with shop.database.tenant(shop.organization_id) as session:
        assistant = await assistants.get(session, shop.assistant_id)
        assert assistant is not None
        await assistants.update(session, assistant, changes={"quota_message": None})
    async with asyncio.timeout(5):
        while await said() == ["We are full for today."]:  # noqa: ASYNC110 - a server is asked
            await asyncio.sleep(0.01)
    assert await said() == [canned_text("quota", language=None)]


async def test_limits_are_logged_once_with_the_soft_ones(
    shop: Shop, capfd: pytest.CaptureFixture[str]
) -> None:
    await shop.open(messages_per_day={"soft": 1, "hard": 2}, tokens_per_day={"soft": 50})
    ref = shop.conversation()
    for _ in range(4):
        await shop.say(ref)
    await shop.generate(ref)
    lines = "".join(capfd.readouterr()).splitlines()
    reported = [
        (quota, limit)
        for line in lines
        for quota in ("messages_per_day", "tokens_per_day")
        for limit in ("soft", "hard")
        if "quota_reached" in line
        and shop.organization_id in line
        and quota in line
        and re.search(rf"limit\W+(\x1b\[\d+m)*{limit}", line)
    ]
    assert sorted(reported) == [
        ("messages_per_day", "hard"),
        ("messages_per_day", "soft"),
        ("tokens_per_day", "soft"),
    ]


async def test_a_message_past_the_quota_is_told_so_by_the_workflow_and_all_its_activities(
    shop: Shop, connect_temporal: ConnectTemporal
) -> None:
    """The workflow with the real record, the real counters and the assistant's own words."""
    await shop.open(messages_per_day=1)
    ref = shop.conversation()
    world = RealStorage(shop)
    client: Client = await connect_temporal(data_converter=pydantic_data_converter)
    async with RunningConversation(client, world, conversation=ref) as conversation:
        await conversation.receive(message(1))
        await eventually(lambda: len(world.sent) == 1)
        await conversation.receive(message(2))
        await eventually(lambda: len(world.sent) == 2)
        await conversation.receive(message(3))
        await eventually(lambda: world.limits == [None, True, False])
        await conversation.receive(message(4))
        await eventually(lambda: world.limits == [None, True, False, False])
    assert world.replies == ["We open at nine.", "We are full for today."]


class RealStorage(World):
    """The world with the real steps of storage and model; only Meta is made up."""

    def __init__(self, shop: Shop) -> None:
        super().__init__()
        self.shop, self.outbox = shop, Outbox(shop.table)
        self.limits: list[bool | None] = []
        """Whether each record was within the quotas (None), or its refusal to be told."""

    @activity.defn(name="record_inbound")
    async def record_inbound(self, request: RecordInbound) -> RecordedInbound:
        recorded = await self.shop.activities.record_inbound(request)
        self.limits.append(None if recorded.limit is None else recorded.limit.tell)
        return recorded

    @activity.defn(name="write_reply")
    async def write_reply(self, request: WriteReply) -> DraftedReply:
        return await self.shop.replies.write_reply(request)

    @activity.defn(name="draft_canned_reply")
    async def draft_canned_reply(self, request: CannedReply) -> DraftedReply:
        return await self.shop.replies.draft_canned_reply(request)

    @activity.defn(name="send_part")
    async def send_part(self, request: SendPart) -> SentPart:
        draft = await self.outbox.draft(request.turn, request.draft_id)
        assert draft is not None
        text = draft.parts[request.part].text
        self.sent.append((request.turn.turn_id, request.part, text))
        return SentPart(outcome="sent")


async def has_used(shop: Shop, *, tokens: int) -> None:
    """Counting goes on beside what was cut off."""
    async with asyncio.timeout(5):
        while (await shop.used()).tokens != tokens:  # noqa: ASYNC110 - a server is asked
            await asyncio.sleep(0.01)


async def change_quotas(shop: Shop, **quotas: Any) -> None:
    """The platform's administrator changes them; returns when this process has heard of it."""
    async with shop.database.platform() as session:
        organization = await organizations.get(session, shop.organization_id)
        assert organization is not None
        await organizations.update(session, organization, changes={"quotas": quotas})
    async with asyncio.timeout(5):
        while True:
            profile = await shop.profiles.for_channel(shop.organization_id, shop.channel.id)
            if profile.quotas == Quotas.of(quotas):
                return
            await asyncio.sleep(0.01)
