"""Takeover, release, handoff, operators' messages: the workflow on a real Temporal server."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowUpdateFailedError
from temporalio.contrib.pydantic import pydantic_data_converter

from contracts.conversation import (
    ConversationState,
    EchoedMessage,
    Operator,
    ReceivedEcho,
    SendPart,
    SentPart,
    Turn,
)
from contracts.quotas import ReachedLimit
from tests.servers import ConnectTemporal
from tests.workflows.conversation_world import (
    RunningConversation,
    World,
    eventually,
    message,
)
from tests.workflows.operators import ANA, close, post, release, take_over
from workflows.conversation_desk import WAITING_POSTS

BEN = Operator(api_key_id="key_ben", name="Ben")


@pytest.fixture
async def client(connect_temporal: ConnectTemporal) -> Client:
    return await connect_temporal(data_converter=pydantic_data_converter)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def conversation(client: Client, world: World) -> Any:
    async with RunningConversation(client, world) as running:
        yield running


async def test_the_assistant_is_silent_while_a_human_has_the_conversation(
    conversation: RunningConversation, world: World
) -> None:
    await conversation.receive(message(1))
    await eventually(lambda: world.replies == ["answer to message 1"])
    assert (await take_over(conversation)).status == "human"
    await conversation.receive(message(2), message(3))
    await eventually(lambda: sum(map(len, world.recorded)) == 3)
    assert (await release(conversation)).status == "bot"
    await conversation.receive(message(4))
    await eventually(lambda: len(world.replies) == 2)
    # What was written meanwhile was the human's: the operator saw it before releasing.
    assert world.replies == ["answer to message 1", "answer to message 4"]
    assert [change.status for change in world.statuses] == ["human", "bot"]
    assert world.statuses[1].by == ANA


async def test_a_takeover_cancels_what_is_being_written(
    conversation: RunningConversation, world: World
) -> None:
    writing = asyncio.Event()

    async def hang(_world: World, _turn: Turn) -> None:
        writing.set()
        await asyncio.Event().wait()

    world.on_generate = hang
    await conversation.receive(message(1))
    await writing.wait()
    await take_over(conversation)
    await eventually(lambda: world.cancelled == 1)
    world.on_generate = None
    await release(conversation)
    await conversation.receive(message(2))
    await eventually(lambda: bool(world.replies))
    assert world.replies == ["answer to message 2"]


async def test_a_takeover_lets_the_part_that_meta_is_given_end_and_sends_no_other(
    conversation: RunningConversation, world: World
) -> None:
    posting, answered = asyncio.Event(), asyncio.Event()

    async def slow_meta(_world: World, _request: SendPart) -> None:
        posting.set()
        # As the activity itself: what Meta has been asked is waited for, whatever is cancelled.
        await asyncio.shield(answered.wait())

    world.parts, world.on_send = 3, slow_meta
    await conversation.receive(message(1))
    await posting.wait()
    state = await take_over(conversation)
    assert state.sending
    answered.set()
    async with asyncio.timeout(20):
        while (await conversation.handle.query("state", result_type=ConversationState)).sending:  # noqa: ASYNC110 - a server is asked
            await asyncio.sleep(0.05)
    world.on_send, world.parts = None, 1
    await post(conversation, "I am Ana", post_id="1")
    await eventually(lambda: "I am Ana" in world.replies)
    assert world.replies.count("answer to message 1") <= 1


async def test_a_takeover_withdraws_a_part_that_waits_to_be_tried_again(
    conversation: RunningConversation, world: World
) -> None:
    tried = asyncio.Event()

    async def turned_away(_world: World, request: SendPart) -> None:
        if request.turn.turn_id.startswith("post."):
            return
        tried.set()
        raise RuntimeError("Meta turned it away for now")

    world.on_send = turned_away
    await conversation.receive(message(1))
    await tried.wait()
    await take_over(conversation)
    await eventually(lambda: len(world.withdrawn) == 1)
    await post(conversation, "I am Ana", post_id="1")
    await eventually(lambda: world.replies == ["I am Ana"])


async def test_operators_messages_go_out_in_order_and_each_once(
    conversation: RunningConversation, world: World
) -> None:
    await conversation.receive(message(1))
    await eventually(lambda: len(world.replies) == 1)
    first = await post(conversation, "one", post_id="1")
    second = await post(conversation, "two", post_id="2")
    again = await post(conversation, "one", post_id="1")
    assert again == first != second
    await eventually(lambda: len(world.replies) == 3)
    assert world.replies[1:] == ["one", "two"]
    # Whoever answers has the conversation.
    assert world.statuses[-1].handoff is not None
    assert world.statuses[-1].handoff.operator == ANA


async def test_a_template_does_not_take_the_conversation_over(
    conversation: RunningConversation, world: World
) -> None:
    await conversation.receive(message(1))
    await eventually(lambda: len(world.replies) == 1)
    await post(conversation, "[template]", post_id="1", template=True)
    await eventually(lambda: len(world.replies) == 2)
    await conversation.receive(message(2))
    await eventually(lambda: world.replies[-1] == "answer to message 2")
    assert not world.statuses


async def test_what_meta_refuses_of_an_operator_stops_nothing(
    conversation: RunningConversation, world: World
) -> None:
    await conversation.receive(message(1))
    await eventually(lambda: len(world.replies) == 1)
    world.send_outcomes = [SentPart(outcome="rejected", error_code=131026)]
    await post(conversation, "refused", post_id="1")
    await post(conversation, "taken", post_id="2")
    await eventually(lambda: world.replies[1:] == ["taken"])


async def test_too_many_waiting_messages_are_refused(
    conversation: RunningConversation, world: World
) -> None:
    gate = asyncio.Event()

    async def hold(_world: World, _request: SendPart) -> None:
        await gate.wait()

    await conversation.receive(message(1))
    await eventually(lambda: len(world.replies) == 1)
    world.on_send = hold
    for number in range(WAITING_POSTS + 1):
        await post(conversation, f"post {number}", post_id=str(number))
    with pytest.raises(WorkflowUpdateFailedError) as refusal:
        await post(conversation, "too much", post_id="one more")
    assert "try again later" in str(refusal.value.cause)
    gate.set()
    # The others follow, as quickly as Meta allows.
    await eventually(lambda: len(world.replies) >= 5)


async def test_a_person_who_asks_for_a_human_is_told_and_gets_one(
    conversation: RunningConversation, world: World
) -> None:
    world.handoff_of = lambda text: "person" if "2" in text else None
    await conversation.receive(message(1))
    await eventually(lambda: len(world.replies) == 1)
    await conversation.receive(message(2))
    await eventually(lambda: len(world.statuses) == 1)
    assert world.replies[-1] == "handoff"
    assert world.statuses[0].handoff is not None
    assert world.statuses[0].handoff.reason == "person"
    assert world.statuses[0].handoff.operator is None
    await conversation.receive(message(3))
    await eventually(lambda: sum(map(len, world.recorded)) == 3)
    await take_over(conversation, BEN)
    await eventually(lambda: len(world.statuses) == 2)
    assert world.statuses[1].handoff is not None
    assert world.statuses[1].handoff.operator == BEN
    assert world.statuses[1].handoff.since == world.statuses[0].handoff.since
    assert len(world.replies) == 2


async def test_the_model_may_ask_for_a_human(
    conversation: RunningConversation, world: World
) -> None:
    world.draft_handoff = "model"
    await conversation.receive(message(1))
    await eventually(lambda: len(world.statuses) == 1)
    assert world.replies == ["answer to message 1"]
    assert world.statuses[0].status == "human"


async def test_a_reply_typed_in_the_business_app_silences_the_assistant(
    conversation: RunningConversation, world: World
) -> None:
    writing = asyncio.Event()

    async def hang(_world: World, _turn: Turn) -> None:
        writing.set()
        await asyncio.Event().wait()

    world.on_generate = hang
    await conversation.receive(message(1))
    await writing.wait()
    echo = EchoedMessage(
        whatsapp_message_id="wamid.echo", type="text", text="I do it", sent_at=datetime.now(UTC)
    )
    for _ in range(2):
        await conversation.handle.signal("receive_echo", ReceivedEcho(echo=echo))
    await eventually(lambda: world.cancelled == 1 and world.echoes == ["I do it"])
    assert not world.replies
    assert world.statuses[-1].handoff is not None
    assert world.statuses[-1].handoff.reason == "echo"


async def test_a_word_about_proactive_messages_is_confirmed_without_a_model(
    conversation: RunningConversation, world: World
) -> None:
    world.consent_of = lambda text: "stopped" if "1" in text else None
    await conversation.receive(message(1))
    await eventually(lambda: world.replies == ["stopped"])
    assert not world.generated
    await conversation.receive(message(2))
    await eventually(lambda: world.replies == ["stopped", "answer to message 2"])


async def test_an_operator_closes_the_conversation_and_the_next_message_opens_it(
    conversation: RunningConversation, world: World
) -> None:
    await conversation.receive(message(1))
    await eventually(lambda: len(world.replies) == 1)
    await take_over(conversation)
    first = await conversation.handle.describe()
    await close(conversation)
    await eventually(lambda: world.closed == 1)
    await conversation.client.get_workflow_handle(
        conversation.workflow_id, run_id=first.run_id
    ).result()
    await conversation.receive(message(2))
    await eventually(lambda: world.replies[-1] == "answer to message 2")


async def test_who_takes_over_before_a_close_is_done_keeps_the_conversation(
    conversation: RunningConversation, world: World
) -> None:
    posting, answered = asyncio.Event(), asyncio.Event()

    async def slow_meta(_world: World, _request: SendPart) -> None:
        posting.set()
        await asyncio.shield(answered.wait())

    world.on_send = slow_meta
    await conversation.receive(message(1))
    await posting.wait()
    await close(conversation)
    assert (await take_over(conversation)).status == "human"
    answered.set()
    await conversation.receive(message(2))
    await eventually(lambda: sum(map(len, world.recorded)) == 2)
    await eventually(lambda: bool(world.statuses))
    await post(conversation, "I am Ana", post_id="1")
    await eventually(lambda: "I am Ana" in world.replies)
    assert "answer to message 2" not in world.replies
    assert not world.closed


async def test_closing_silences_what_is_being_written(
    conversation: RunningConversation, world: World
) -> None:
    writing = asyncio.Event()

    async def hang(_world: World, _turn: Turn) -> None:
        writing.set()
        await asyncio.Event().wait()

    world.on_generate = hang
    await conversation.receive(message(1))
    await writing.wait()
    await close(conversation)
    await conversation.handle.result()
    await eventually(lambda: world.cancelled == 1)
    assert not world.replies
    assert world.closed == 1


async def test_a_human_keeps_the_conversation_when_it_continues_as_new(
    client: Client, world: World
) -> None:
    async with RunningConversation(client, world, turns_per_run=2) as conversation:
        await conversation.receive(message(1))
        await eventually(lambda: len(world.replies) == 1)
        await take_over(conversation)
        for number in range(2, 8):
            await conversation.receive(message(number))
            # Not how often it was written: a message that comes just when a run wants to continue
            # as new makes its last task run again.
            await eventually(lambda number=number: len(world.known) == number)  # type: ignore[misc]
        await post(conversation, "from Ana", post_id="1")
        await eventually(lambda: world.replies == ["answer to message 1", "from Ana"])
        description = await conversation.handle.describe()
        assert description.status is WorkflowExecutionStatus.RUNNING


async def test_a_quota_is_not_told_of_while_a_human_has_the_conversation(
    conversation: RunningConversation, world: World
) -> None:
    await conversation.receive(message(1))
    await eventually(lambda: len(world.replies) == 1)
    world.limit_of = lambda _request, ids: ReachedLimit(
        quota="messages_per_day", until=datetime.now(UTC), refused=ids, tell=True
    )
    await take_over(conversation)
    await conversation.receive(message(2))
    await eventually(lambda: sum(map(len, world.recorded)) == 2)
    await post(conversation, "from Ana", post_id="1")
    await eventually(lambda: len(world.replies) == 2)
    assert world.replies[-1] == "from Ana"


class TestTheAssistantReturns:
    """By itself, when no human writes for as long as its settings say."""

    async def test_and_answers_what_nobody_has_answered(
        self, conversation: RunningConversation, world: World
    ) -> None:
        world.return_after = timedelta(seconds=2)
        world.handoff_of = lambda text: "person" if "1" in text else None
        await conversation.receive(message(1))
        await eventually(lambda: len(world.statuses) == 1)
        await conversation.receive(message(2))
        await eventually(lambda: len(world.replies) == 2)
        assert world.replies == ["handoff", "answer to message 2"]
        assert [change.status for change in world.statuses] == ["human", "bot"]
        assert world.statuses[1].by is None

    async def test_and_a_human_who_writes_puts_that_off(
        self, conversation: RunningConversation, world: World
    ) -> None:
        world.return_after = timedelta(seconds=2)
        await conversation.receive(message(1))
        await eventually(lambda: len(world.replies) == 1)
        await take_over(conversation)
        await post(conversation, "from Ana", post_id="1")
        await eventually(lambda: len(world.statuses) == 3)
        taken, wrote, returned = world.statuses
        assert taken.handoff is not None
        assert wrote.handoff is not None
        assert taken.handoff.human_at is not None
        assert wrote.handoff.human_at is not None
        assert wrote.handoff.human_at > taken.handoff.human_at
        assert wrote.handoff.since == taken.handoff.since
        assert returned.status == "bot"
        assert world.replies == ["answer to message 1", "from Ana"]
