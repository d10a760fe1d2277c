"""Runs that began under the first protocol keep to it until they continue as new."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from contracts.conversation import SentPart, Turn, UncertainDecision
from tests.servers import ConnectTemporal
from tests.workflows.conversation_world import RunningConversation, World, eventually, message
from tests.workflows.operators import close, post, release, take_over


@pytest.fixture
async def client(connect_temporal: ConnectTemporal) -> Client:
    return await connect_temporal(data_converter=pydantic_data_converter)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def conversation(client: Client, world: World) -> AsyncIterator[RunningConversation]:
    async with RunningConversation(client, world, protocol=1) as running:
        yield running


async def steps_of(conversation: RunningConversation) -> set[str]:
    """Names of the activities that were scheduled so far."""
    return {
        event.activity_task_scheduled_event_attributes.activity_type.name
        for event in (await conversation.handle.fetch_history()).events
        if event.HasField("activity_task_scheduled_event_attributes")
    }


async def test_turns_have_a_step_each_for_looking_up_writing_and_reading(
    conversation: RunningConversation, world: World
) -> None:
    await conversation.receive(message(1), message(2), message(1))
    await eventually(lambda: world.replies == ["answer to message 1 + message 2"])
    await conversation.receive(message(3, type="image", reply="acknowledge", file=True))
    await eventually(lambda: world.replies[1:] == ["acknowledgement"])
    await eventually(lambda: world.read == ["wamid.2", "wamid.3"])
    assert await steps_of(conversation) == {
        "retrieve_passages", "generate_reply", "mark_read", "send_part"
    }  # fmt: skip


async def test_a_newer_message_restarts_the_reply(
    conversation: RunningConversation, world: World
) -> None:
    started = asyncio.Event()

    async def hang_once(world: World, _turn: Turn) -> None:
        if sum(world.generated.values()) == 1:
            started.set()
            await asyncio.Event().wait()

    world.on_generate = hang_once
    await conversation.receive(message(1))
    await started.wait()
    await conversation.receive(message(2))
    await eventually(lambda: world.replies == ["answer to message 1 + message 2"])
    assert world.cancelled == 1


async def test_an_uncertain_send_is_repeated_by_the_policy(
    conversation: RunningConversation, world: World
) -> None:
    world.send_outcomes = [SentPart(outcome="uncertain", settle_seconds=0.2)]
    world.decision = UncertainDecision(decision="resend")
    await conversation.receive(message(1))
    await eventually(lambda: world.replies == ["answer to message 1"])


async def test_a_human_takes_over_writes_and_gives_back(
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
    await conversation.receive(message(2))
    await eventually(lambda: sum(map(len, world.recorded)) == 2)
    await post(conversation, "from Ana", post_id="1")
    await eventually(lambda: world.replies == ["from Ana"])
    await release(conversation)
    await eventually(lambda: world.statuses[-1].status == "bot")
    await conversation.receive(message(3))
    await eventually(lambda: world.replies == ["from Ana", "answer to message 3"])
    await close(conversation)
    await conversation.handle.result()
    assert world.closed == 1


async def test_the_next_run_has_the_newest_protocol(client: Client, world: World) -> None:
    async with RunningConversation(client, world, protocol=1, turns_per_run=2) as conversation:
        for number in (1, 2, 3):
            await conversation.receive(message(number))
            await eventually(lambda number=number: len(world.replies) == number)  # type: ignore[misc]
        assert "write_reply" in await steps_of(conversation)
