"""An organisation that floods the workers waits for itself, and nobody else does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import uuid4

import pytest
from temporalio.client import Client
from temporalio.common import Priority
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Worker

from contracts import names
from contracts.conversation import PROTOCOL, ConversationInput, ReceivedMessage, Turn
from tests.servers import ConnectTemporal
from tests.workflows.conversation_world import CONVERSATION, QUEUES, World, eventually, message
from workflows.conversation import ConversationWorkflow

FLOOD = 40
SLOTS = 2
"""Of each queue's activities: few, so that work waits in the queues."""
WORK_SECONDS = 0.4
"""Long beside what the machine itself takes for a turn."""


@pytest.fixture
async def client(connect_temporal: ConnectTemporal) -> Client:
    return await connect_temporal(data_converter=pydantic_data_converter)


async def a_slow_model(_world: World, _turn: Turn) -> None:
    await asyncio.sleep(WORK_SECONDS)


class Town:
    """Organisations whose conversations run on the same few workers."""

    def __init__(self, client: Client, world: World) -> None:
        self._client = client
        self.world = world
        self.name = str(uuid4())

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for queue in QUEUES:
                worker = Worker(
                    self._client,
                    task_queue=queue,
                    workflows=[ConversationWorkflow] if queue == names.CONVERSATIONS_QUEUE else [],
                    activities=self.world.activities(),
                    max_concurrent_activities=SLOTS,
                )
                await stack.enter_async_context(worker)
            yield

    async def write(self, organization: str, person: int, received: ReceivedMessage) -> None:
        await self._client.start_workflow(
            names.CONVERSATION_WORKFLOW,
            ConversationInput(conversation=CONVERSATION, protocol=PROTOCOL),
            id=f"conversation/{self.name}/{organization}/{person}",
            task_queue=names.CONVERSATIONS_QUEUE,
            start_signal="receive_message",
            start_signal_args=[received],
            priority=Priority(fairness_key=organization),
        )

    async def leave(self) -> None:
        for organization, people in (("flooder", FLOOD), ("quiet", 1)):
            for person in range(people):
                handle = self._client.get_workflow_handle(
                    f"conversation/{self.name}/{organization}/{person}"
                )
                await handle.terminate()


@pytest.mark.parametrize("known", [False, True], ids=["a new conversation", "one that runs"])
async def test_a_quiet_organisation_is_answered_while_another_floods(
    client: Client, known: bool
) -> None:
    world = World(on_generate=a_slow_model)
    town = Town(client, world)
    async with town.at_work():
        if known:
            await town.write("quiet", 0, message(1).model_copy(update={"debounce_seconds": 0}))
            await eventually(lambda: len(world.replies) == 1)
        for person in range(FLOOD):
            flood = message(1000 + person).model_copy(update={"debounce_seconds": 0})
            await town.write("flooder", person, flood)
        await eventually(lambda: len(world.replies) >= 5)
        before = len(world.replies)
        await town.write("quiet", 0, message(2).model_copy(update={"debounce_seconds": 0}))
        await eventually(lambda: "answer to message 2" in world.replies, within=60)
        waited = world.replies.index("answer to message 2") - before
        await eventually(lambda: len(world.replies) >= FLOOD + 1, within=60)
        await town.leave()
    # Of the replies of the flood that were still to come, few went ahead.
    assert waited < (FLOOD - before) / 2
