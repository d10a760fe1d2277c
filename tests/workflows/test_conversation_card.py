"""What operators see in Temporal's Web UI, on top of a conversation's workflow."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from contracts.conversation import (
    Operator,
    SendPart,
    SentPart,
    SettledSend,
    TakeOver,
    UncertainDecision,
)
from tests.servers import ConnectTemporal
from tests.workflows.conversation_world import RunningConversation, World, message


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


async def test_who_has_the_conversation_and_that_the_assistant_is_silent(
    conversation: RunningConversation,
) -> None:
    await conversation.receive(message(1))
    await shows(conversation, "**Now:** waiting for a message", "**Turns:** 1")
    operator = Operator(api_key_id="key_1", name="Bo")
    await conversation.handle.execute_update("take_over", TakeOver(operator=operator))
    await shows(
        conversation,
        "**Now:** a human has the conversation; the assistant is silent",
        "**Human:** Bo, since",
        "(an operator took over)",
    )


async def test_an_uncertain_send_is_shown_until_its_status_comes_however_late(
    conversation: RunningConversation, world: World
) -> None:
    keys: list[str] = []

    async def remember_key(_world: World, request: SendPart) -> None:
        keys.append(request.message_id)

    world.on_send = remember_key
    world.send_outcomes = [SentPart(outcome="uncertain", settle_seconds=0.1)]
    world.decision = UncertainDecision(decision="leave")
    await conversation.receive(message(1))
    await shows(conversation, "**Now:** waiting for a message", "**Uncertain sends:** 1")
    settled = SettledSend(message_id=keys[0], status="delivered")
    await conversation.handle.signal("settle_send", settled)
    await shows(conversation, "**Now:** waiting for a message", hidden="Uncertain sends")


async def test_a_refused_reply_is_shown_until_another_turn_has_sent_one(
    conversation: RunningConversation, world: World
) -> None:
    world.send_outcomes = [SentPart(outcome="rejected", error_code=131047, window_closed=True)]
    await conversation.receive(message(1))
    await shows(
        conversation,
        "**Turns:** 1",
        "**Not delivered:** the reply. More than 24 hours have passed since the person last wrote"
        " (Meta's code 131047). Send a template",
    )
    await conversation.receive(message(2))
    await shows(conversation, "**Turns:** 2", hidden="Not delivered")


async def shows(conversation: RunningConversation, *words: str, hidden: str | None = None) -> None:
    """Wait until the card says all of these words, and not what is hidden."""
    card = ""
    try:
        async with asyncio.timeout(20):
            while not (all(one in card for one in words) and (not hidden or hidden not in card)):
                metadata = await conversation.handle.query("__temporal_workflow_metadata")
                card = metadata.current_details
                await asyncio.sleep(0.05)
    except TimeoutError:
        pytest.fail(f"the card says: {card}")
