"""What a person hears, and an operator sees, when a quota is used up."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from contracts.conversation import RecordInbound, Turn
from contracts.ids import MessageId
from contracts.quotas import QuotaName, ReachedLimit
from tests.servers import ConnectTemporal
from tests.workflows.conversation_world import RunningConversation, World, message
from workflows.conversation import ConversationWorkflow


class Meter:
    """Stands for the counters: `per_window` messages are answered in each window of the quota."""

    def __init__(self, quota: QuotaName, per_window: int, window: timedelta) -> None:
        self.quota, self.per_window, self.window = quota, per_window, window
        self.used = 0
        self.told = False
        self.now = datetime(2031, 5, 17, 9, 30, tzinfo=UTC)
        self.until = datetime.fromtimestamp(0, UTC)

    def limit_of(self, _request: RecordInbound, fresh: list[MessageId]) -> ReachedLimit | None:
        if self.now >= self.until:
            self.used, self.told, self.until = 0, False, self.now + self.window
        left = max(0, self.per_window - self.used)
        self.used += len(fresh)
        if not (refused := fresh[left:]):
            return None
        tell, self.told = not self.told, True
        return ReachedLimit(quota=self.quota, until=self.until, refused=refused, tell=tell)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def client(connect_temporal: ConnectTemporal) -> Client:
    return await connect_temporal(data_converter=pydantic_data_converter)


@pytest.fixture
async def conversation(client: Client, world: World) -> AsyncIterator[RunningConversation]:
    async with RunningConversation(client, world) as running:
        yield running


@pytest.fixture
async def conversation_of_days(
    time_skipping_env: WorkflowEnvironment, world: World
) -> AsyncIterator[RunningConversation]:
    """Where time can be skipped."""
    client = Client(time_skipping_env.client.service_client, data_converter=pydantic_data_converter)
    async with RunningConversation(client, world) as running:
        yield running


async def test_who_writes_too_quickly_is_told_once_a_minute_and_answered_after_it(
    conversation_of_days: RunningConversation, world: World, time_skipping_env: WorkflowEnvironment
) -> None:
    conversation = conversation_of_days
    meter = Meter("messages_per_person_per_minute", 1, window=timedelta(minutes=1))
    meter.now = await time_skipping_env.get_current_time()
    world.limit_of = meter.limit_of
    for number in (1, 2, 3, 4):
        await conversation.receive(message(number))
        await turns_are(conversation, number)
    assert world.replies == ["answer to message 1", "slow_down"]

    await time_skipping_env.sleep(timedelta(minutes=2))
    meter.now = await time_skipping_env.get_current_time()
    for number in (5, 6):
        await conversation.receive(message(number))
        await turns_are(conversation, number)
    assert world.replies[2:] == ["answer to message 5", "slow_down"]
    assert sum(world.generated.values()) == 2


async def test_nothing_is_looked_up_or_written_past_the_organisations_quota(
    conversation: RunningConversation, world: World
) -> None:
    world.limit_of = Meter("messages_per_month", 0, window=timedelta(days=30)).limit_of
    await conversation.receive(message(1))
    await turns_are(conversation, 1)
    await conversation.receive(message(2))
    await turns_are(conversation, 2)
    assert world.replies == ["quota"]
    started = {
        event.activity_task_scheduled_event_attributes.activity_type.name
        for event in (await conversation.handle.fetch_history()).events
        if event.HasField("activity_task_scheduled_event_attributes")
    }
    assert started == {"send_part"}


async def test_of_a_burst_what_is_within_the_limit_is_answered(
    conversation: RunningConversation, world: World
) -> None:
    world.limit_of = Meter("messages_per_day", 2, window=timedelta(days=1)).limit_of
    await conversation.receive(*(message(number) for number in range(1, 5)))
    await turns_are(conversation, 1)
    assert world.replies == ["answer to message 1 + message 2", "quota"]


async def test_a_message_over_the_limit_does_not_take_the_answer_from_those_before_it(
    conversation: RunningConversation, world: World
) -> None:
    started = asyncio.Event()

    async def hang_on_the_first(world: World, _turn: Turn) -> None:
        if sum(world.generated.values()) == 1:
            started.set()
            await asyncio.Event().wait()

    world.on_generate = hang_on_the_first
    world.limit_of = Meter("messages_per_day", 1, window=timedelta(days=1)).limit_of
    await conversation.receive(message(1))
    await started.wait()
    await conversation.receive(message(2))
    await turns_are(conversation, 1)
    assert world.replies == ["answer to message 1", "quota"]


async def test_a_channel_that_is_gone_costs_the_word_but_not_the_conversation(
    conversation: RunningConversation, world: World
) -> None:
    world.channel_is_gone = True
    world.limit_of = Meter("messages_per_day", 0, window=timedelta(days=1)).limit_of
    await conversation.receive(message(1))
    await turns_are(conversation, 1)
    world.limit_of = None
    await conversation.receive(message(2))
    await turns_are(conversation, 2)
    assert world.replies == ["answer to message 2"]


async def test_operators_see_which_quota_until_when_and_that_it_is_over(
    conversation: RunningConversation, world: World
) -> None:
    meter = Meter("messages_per_day", 0, window=timedelta(days=1))
    world.limit_of = meter.limit_of
    await conversation.receive(message(1))
    await turns_are(conversation, 1)
    assert "**Quota reached:** messages_per_day, until 2031-05-18 09:30 UTC" in await card(
        conversation
    )
    history = await conversation.handle.fetch_history()
    summaries = [event.user_metadata.summary.data.decode() for event in history.events]
    assert any("messages_per_day is reached: take the quota message" in one for one in summaries)
    assert any("send word of the quota" in one for one in summaries)

    world.limit_of = None
    await conversation.receive(message(2))
    await turns_are(conversation, 2)
    assert "Quota reached" not in await card(conversation)


async def test_the_quota_is_still_shown_after_continuing_as_new(
    client: Client, world: World
) -> None:
    world.limit_of = Meter("messages_per_day", 0, window=timedelta(days=1)).limit_of
    async with RunningConversation(client, world, turns_per_run=1) as conversation:
        await conversation.receive(message(1))
        first_run = (await conversation.handle.describe()).run_id
        async with asyncio.timeout(20):
            while (await conversation.handle.describe()).run_id == first_run:  # noqa: ASYNC110 - a server is asked
                await asyncio.sleep(0.05)
        assert "**Quota reached:** messages_per_day" in await card(conversation)


async def card(conversation: RunningConversation) -> str:
    """What the Web UI shows on top of the workflow."""
    metadata = await conversation.handle.query("__temporal_workflow_metadata")
    return str(metadata)


async def turns_are(conversation: RunningConversation, count: int) -> None:
    async with asyncio.timeout(20):
        while (await conversation.handle.query(ConversationWorkflow.snapshot)).turns < count:  # noqa: ASYNC110 - a server is asked
            await asyncio.sleep(0.05)
