"""What a person experiences of the conversation workflow, on a real Temporal server."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from contracts.conversation import (
    SendPart,
    SentPart,
    SettledSend,
    Turn,
    UncertainDecision,
)
from contracts.ids import MessageId, TurnId
from domain.pacing import DEFAULT_PACE, METAS_REFILL
from tests.servers import ConnectTemporal
from tests.workflows.conversation_world import (
    RunningConversation,
    World,
    eventually,
    message,
    model_is_broken,
)
from workflows.conversation import ConversationWorkflow
from workflows.conversation_turn import MAX_SUPERSEDES


@pytest.fixture
async def client(connect_temporal: ConnectTemporal) -> Client:
    return await connect_temporal(data_converter=pydantic_data_converter)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def conversation(client: Client, world: World) -> AsyncIterator[RunningConversation]:
    async with RunningConversation(client, world) as running:
        yield running


async def test_a_burst_gets_one_answer_in_the_order_it_was_sent(
    conversation: RunningConversation, world: World
) -> None:
    await conversation.receive(message(2), message(1), message(3))
    await eventually(lambda: world.replies == ["answer to message 1 + message 2 + message 3"])


async def test_a_message_delivered_again_is_answered_once(
    conversation: RunningConversation, world: World
) -> None:
    await conversation.receive(message(1), message(1))
    await eventually(lambda: len(world.replies) == 1)
    await conversation.receive(message(1), message(2))
    await eventually(lambda: len(world.replies) == 2)
    assert world.replies == ["answer to message 1", "answer to message 2"]


async def test_what_an_earlier_run_has_answered_is_not_answered_again(
    conversation: RunningConversation, world: World
) -> None:
    world.known["wamid.1"] = (TurnId("a turn of last week"), MessageId("msg_old"))
    await conversation.receive(message(1))
    await eventually(lambda: world.recorded == [[]])
    await conversation.receive(message(2))
    await eventually(lambda: world.replies == ["answer to message 2"])


async def test_a_message_that_was_written_before_the_worker_died_is_answered_all_the_same(
    conversation: RunningConversation, world: World
) -> None:
    """The task runs again; what came in meanwhile may have changed the order, and so the ids."""
    await conversation.receive(message(1))
    await eventually(lambda: world.replies == ["answer to message 1"])
    run = (await conversation.handle.describe()).raw_description.workflow_execution_info
    # As the first attempt at the next turn has left it.
    turn_id = TurnId(f"{run.first_run_id}.1")
    world.known["wamid.2"] = (turn_id, MessageId("msg_of_the_first_attempt"))
    await conversation.receive(message(2))
    await eventually(lambda: world.replies[1:] == ["answer to message 2"])


async def test_a_newer_message_cancels_the_running_generation_and_joins_its_batch(
    conversation: RunningConversation, world: World
) -> None:
    started = asyncio.Event()

    async def hang_on_the_first(world: World, _turn: Turn) -> None:
        if world.generated["message 1"] and not world.generated["message 1 + message 2"]:
            started.set()
            await asyncio.Event().wait()

    world.on_generate = hang_on_the_first
    await conversation.receive(message(1))
    await started.wait()
    await conversation.receive(message(2))
    await eventually(lambda: world.replies == ["answer to message 1 + message 2"])
    await eventually(lambda: world.cancelled == 1)


async def test_somebody_who_never_stops_writing_is_answered_all_the_same(
    conversation: RunningConversation, world: World
) -> None:
    async def write_again(world: World, _turn: Turn) -> None:
        count = sum(world.generated.values())
        if count <= MAX_SUPERSEDES + 1:
            await conversation.receive(message(count + 1))
        if count <= MAX_SUPERSEDES:
            await asyncio.Event().wait()

    world.on_generate = write_again
    await conversation.receive(message(1))
    await eventually(lambda: len(world.replies) == 2, within=40)
    assert world.replies[0] == "answer to message 1 + message 2 + message 3 + message 4"
    assert world.replies[1] == "answer to message 5"


async def test_a_message_that_comes_during_the_send_starts_the_next_turn(
    conversation: RunningConversation, world: World
) -> None:
    async def write_meanwhile(_world: World, request: SendPart) -> None:
        if request.turn.turn_id.endswith(".0"):
            await conversation.receive(message(2))

    world.on_send = write_meanwhile
    await conversation.receive(message(1))
    await eventually(lambda: len(world.replies) == 2)
    assert world.replies == ["answer to message 1", "answer to message 2"]


async def test_a_model_that_fails_costs_the_answer_but_not_the_conversation(
    conversation: RunningConversation, world: World
) -> None:
    world.on_generate = model_is_broken
    await conversation.receive(message(1))
    await eventually(lambda: world.replies == ["fallback"])
    world.on_generate = None
    await conversation.receive(message(2))
    await eventually(lambda: world.replies == ["fallback", "answer to message 2"])


async def test_a_channel_that_is_gone_ends_the_turn_and_not_the_conversation(
    conversation: RunningConversation, world: World
) -> None:
    world.on_generate, world.channel_is_gone = model_is_broken, True
    await conversation.receive(message(1))
    async with asyncio.timeout(20):
        while (await conversation.handle.query(ConversationWorkflow.snapshot)).turns == 0:  # noqa: ASYNC110 - a server is asked
            await asyncio.sleep(0.05)
    assert not world.replies
    world.on_generate = None
    await conversation.receive(message(2))
    await eventually(lambda: world.replies == ["answer to message 2"])


async def test_a_reaction_is_recorded_and_not_answered(
    conversation: RunningConversation, world: World
) -> None:
    await conversation.receive(message(1, type="reaction", reply="none"))
    await eventually(lambda: world.recorded == [["message 1"]])
    await conversation.receive(message(2))
    await eventually(lambda: world.replies == ["answer to message 2"])


async def test_a_reaction_does_not_cancel_the_answer(
    conversation: RunningConversation, world: World
) -> None:
    async def react(_world: World, _turn: Turn) -> None:
        await conversation.receive(message(2, type="reaction", reply="none"))

    world.on_generate = react
    await conversation.receive(message(1))
    await eventually(lambda: world.recorded == [["message 1"], ["message 2"]])
    assert world.replies == ["answer to message 1"]
    assert world.cancelled == 0


async def test_a_picture_alone_is_acknowledged(
    conversation: RunningConversation, world: World
) -> None:
    await conversation.receive(message(1, type="image", reply="acknowledge"))
    await eventually(lambda: world.replies == ["acknowledgement"])


async def test_files_are_read_before_they_are_answered(
    conversation: RunningConversation, world: World
) -> None:
    await conversation.receive(message(1, type="image", file=True))
    await eventually(lambda: world.replies == ["answer to message 1"])
    assert world.fetched == 1


async def test_a_file_that_says_nothing_is_acknowledged(
    conversation: RunningConversation, world: World
) -> None:
    world.files_are_mute = True
    await conversation.receive(message(1, type="audio", file=True))
    await eventually(lambda: world.replies == ["acknowledgement"])
    await conversation.receive(message(2, type="audio", file=True), message(3))
    await eventually(lambda: world.replies[1:] == ["answer to message 2 + message 3"])


async def test_what_is_too_old_for_a_prompt_is_remembered_beside_the_turns(
    conversation: RunningConversation, world: World
) -> None:
    for number in range(1, 17):
        await conversation.receive(message(number))
        await eventually(lambda number=number: len(world.replies) == number)  # type: ignore[misc]
    await eventually(lambda: len(world.refreshed) == 2)
    await conversation.receive(message(17, type="revoke", reply="none"))
    await eventually(lambda: len(world.refreshed) == 3)
    assert world.refreshed == sorted(set(world.refreshed))


async def test_the_newest_message_is_marked_as_read(
    conversation: RunningConversation, world: World
) -> None:
    await conversation.receive(message(1), message(2))
    await eventually(lambda: len(world.replies) == 1 and world.read == ["wamid.2"])


async def test_parts_go_out_in_order_and_a_rejected_one_ends_the_reply(
    conversation: RunningConversation, world: World
) -> None:
    world.parts = 3
    world.send_outcomes = [
        SentPart(outcome="sent"),
        SentPart(outcome="rejected", error_code=131026),
    ]
    await conversation.receive(message(1))
    await eventually(lambda: len(world.sent) == 1 and not world.send_outcomes)
    world.parts = 2
    await conversation.receive(message(2))
    await eventually(lambda: len(world.sent) == 3)
    assert [part for _, part, _ in world.sent] == [0, 0, 1]


async def test_an_uncertain_send_is_settled_by_its_status(
    conversation: RunningConversation, world: World
) -> None:
    keys: list[str] = []

    async def remember_key(_world: World, request: SendPart) -> None:
        keys.append(request.message_id)

    world.on_send = remember_key
    world.send_outcomes = [SentPart(outcome="uncertain", settle_seconds=3600)]
    await conversation.receive(message(1))
    await eventually(lambda: len(keys) == 1)
    await conversation.handle.signal(
        "settle_send",
        SettledSend(message_id=keys[0], status="delivered"),
    )
    await conversation.receive(message(2))
    await eventually(lambda: world.replies == ["answer to message 2"])


async def test_an_uncertain_send_is_sent_once_more_when_the_policy_says_so(
    conversation: RunningConversation, world: World
) -> None:
    world.send_outcomes = [
        SentPart(outcome="uncertain", settle_seconds=0.1),
        SentPart(outcome="uncertain", settle_seconds=0.1),
    ]
    world.decision = UncertainDecision(decision="resend")
    resends: list[bool] = []

    async def remember(_world: World, request: SendPart) -> None:
        resends.append(request.resend)

    world.on_send = remember
    await conversation.receive(message(1))
    await eventually(lambda: len(resends) == 2)
    await conversation.receive(message(2))
    await eventually(lambda: world.replies == ["answer to message 2"])
    assert resends == [False, True, False]


async def test_continuing_as_new_loses_and_repeats_nothing(client: Client, world: World) -> None:
    async with RunningConversation(client, world, turns_per_run=2) as conversation:
        expected = 24
        for number in range(1, expected + 1):
            await conversation.receive(message(number), message(max(1, number - 1)))
        await eventually(
            lambda: sum(text.count("message") for text in world.replies) == expected, within=60
        )
        answered = [
            word for text in world.replies for word in text.removeprefix("answer to ").split(" + ")
        ]
        assert answered == [f"message {number}" for number in range(1, expected + 1)]


async def test_ids_of_messages_are_in_order_and_do_not_depend_on_when_they_are_made(
    time_skipping_env: WorkflowEnvironment, world: World
) -> None:
    """A task that a worker died in is run again later, and must record the same ids."""
    client = Client(time_skipping_env.client.service_client, data_converter=pydantic_data_converter)
    async with RunningConversation(client, world, turns_per_run=1) as conversation:
        for number in (1, 2, 3):
            await conversation.receive(message(number))
            await eventually(lambda number=number: len(world.replies) == number)  # type: ignore[misc]
            await time_skipping_env.sleep(timedelta(hours=2))
    ids = list(world.texts)
    assert ids == sorted(set(ids))
    assert len({message_id[: len("msg_") + 12] for message_id in ids}) == 1


async def test_a_conversation_closes_after_a_day_and_opens_again(
    time_skipping_env: WorkflowEnvironment, world: World
) -> None:
    client = Client(time_skipping_env.client.service_client, data_converter=pydantic_data_converter)
    async with RunningConversation(client, world) as conversation:
        await conversation.receive(message(1))
        await eventually(lambda: len(world.replies) == 1)
        first_run = (await conversation.handle.describe()).run_id
        await time_skipping_env.sleep(timedelta(hours=25))
        await eventually(lambda: world.closed == 1)
        await conversation.receive(message(1), message(2))
        await eventually(lambda: len(world.replies) == 2)
        description = await conversation.handle.describe()
        assert description.run_id != first_run
        assert description.status == WorkflowExecutionStatus.RUNNING
    assert world.replies == ["answer to message 1", "answer to message 2"]


async def test_operators_see_what_it_does(conversation: RunningConversation, world: World) -> None:
    await conversation.receive(message(1))
    await eventually(lambda: len(world.replies) == 1)
    history = await conversation.handle.fetch_history()
    summaries = [
        event.user_metadata.summary.data.decode()
        for event in history.events
        if event.HasField("user_metadata")
    ]
    assert any("write the answer to 1 message" in summary for summary in summaries)
    assert any("send the reply" in summary for summary in summaries)


async def test_a_reply_that_comes_after_the_service_window_asks_the_person_to_write_again(
    conversation: RunningConversation, world: World
) -> None:
    world.send_outcomes = [SentPart(outcome="rejected", error_code=131047, window_closed=True)]
    await conversation.receive(message(1))
    await eventually(lambda: world.replies == ["reopening"])


async def test_a_window_that_meta_tells_of_later_is_the_same(
    conversation: RunningConversation, world: World
) -> None:
    ids: list[MessageId] = []

    async def remember(_world: World, request: SendPart) -> None:
        ids.append(request.message_id)

    world.on_send = remember
    await conversation.receive(message(1))
    await eventually(lambda: world.replies == ["answer to message 1"])
    for code in (131026, 131047, 131047):
        failed = SettledSend(message_id=ids[0], status="failed", error_code=code)
        await conversation.handle.signal("settle_send", failed)
    await eventually(lambda: world.replies[1:] == ["reopening"])
    await conversation.receive(message(2))
    await eventually(lambda: world.replies[1:] == ["reopening", "answer to message 2"])


async def test_a_person_gets_no_more_than_meta_allows(
    time_skipping_env: WorkflowEnvironment, world: World
) -> None:
    client = Client(time_skipping_env.client.service_client, data_converter=pydantic_data_converter)
    async with RunningConversation(client, world) as conversation:
        world.parts = DEFAULT_PACE.burst + 2
        began = await time_skipping_env.get_current_time()
        await conversation.receive(message(1))
        await eventually(lambda: len(world.replies) == DEFAULT_PACE.burst)
        held_back = (await conversation.handle.query(ConversationWorkflow.snapshot)).doing
        await time_skipping_env.sleep(2 * METAS_REFILL)
        await eventually(lambda: len(world.replies) == world.parts)
        took = await time_skipping_env.get_current_time() - began
    assert "as Meta allows" in held_back
    assert took > METAS_REFILL
