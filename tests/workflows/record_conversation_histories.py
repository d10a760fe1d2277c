"""Records the histories of conversations that later versions must still replay.

Run it (`python -m tests.workflows.record_conversation_histories limited`) with the names of what
is new when the workflow changes on purpose. The old files stay for as long as runs of that version
may be open.
"""

import asyncio
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter

from contracts.conversation import RecordInbound, SentPart, Turn, UncertainDecision
from contracts.ids import MessageId
from contracts.quotas import ReachedLimit
from tests.servers import make_directory, running_temporal
from tests.workflows.conversation_world import (
    RunningConversation,
    World,
    eventually,
    message,
    model_is_broken,
)

DIRECTORY = Path(__file__).parent.parent / "histories" / "conversation"
SETTLE_SECONDS = 0.3
"""Lets Temporal's core finish: see `tests/conftest.py`."""


async def record(*names: str) -> None:
    async with running_temporal(make_directory()) as server:
        client = await Client.connect(server.address, data_converter=pydantic_data_converter)
        for scenario in (turns, superseded, uncertain, continued, limited):
            if scenario.__name__ not in names:
                continue
            world = World()
            per_run = 2 if scenario is continued else None
            async with RunningConversation(client, world, turns_per_run=per_run) as conversation:
                handle = await scenario(conversation, world)
                history = await handle.fetch_history()
                path = DIRECTORY / f"{scenario.__name__}.json"
                path.write_text(_anonymous(history.to_json()))
        await asyncio.sleep(SETTLE_SECONDS)


async def turns(
    conversation: RunningConversation, world: World
) -> "WorkflowHandle[object, object]":
    """A burst, a redelivery, a reaction, a picture, a reply in parts, a model that fails."""
    await conversation.receive(message(1), message(2), message(1))
    await eventually(lambda: len(world.replies) == 1)
    await conversation.receive(message(3, type="reaction", reply="none"))
    await eventually(lambda: len(world.recorded) == 2)
    await conversation.receive(message(4, type="image", reply="acknowledge"))
    await eventually(lambda: len(world.replies) == 2)
    world.parts = 2
    await conversation.receive(message(5))
    await eventually(lambda: len(world.replies) == 4)
    world.on_generate, world.parts = model_is_broken, 1
    await conversation.receive(message(6))
    await eventually(lambda: len(world.replies) == 5)
    return conversation.handle


async def superseded(
    conversation: RunningConversation, world: World
) -> "WorkflowHandle[object, object]":
    started = asyncio.Event()

    async def hang_once(world: World, _turn: Turn) -> None:
        if sum(world.generated.values()) == 1:
            started.set()
            await asyncio.Event().wait()

    world.on_generate = hang_once
    await conversation.receive(message(1))
    await started.wait()
    await conversation.receive(message(2))
    await eventually(lambda: len(world.replies) == 1)
    return conversation.handle


async def uncertain(
    conversation: RunningConversation, world: World
) -> "WorkflowHandle[object, object]":
    world.send_outcomes = [SentPart(outcome="uncertain", settle_seconds=0.2)]
    world.decision = UncertainDecision(decision="resend")
    await conversation.receive(message(1))
    await eventually(lambda: len(world.replies) == 1)
    return conversation.handle


async def continued(
    conversation: RunningConversation, world: World
) -> "WorkflowHandle[object, object]":
    """The first run, which ends by continuing as new."""
    await conversation.receive(message(1))
    run_id = (await conversation.handle.describe()).run_id
    await eventually(lambda: len(world.replies) == 1)
    await conversation.receive(message(2))
    await eventually(lambda: len(world.replies) == 2)
    await conversation.receive(message(3))
    await eventually(lambda: len(world.replies) == 3)
    return conversation.client.get_workflow_handle(conversation.workflow_id, run_id=run_id)


async def limited(
    conversation: RunningConversation, world: World
) -> "WorkflowHandle[object, object]":
    """A burst of which one message is within the quota, silence, and the next window."""
    until = datetime(2031, 1, 1, tzinfo=UTC)

    def beyond_the_first(request: RecordInbound, fresh: list[MessageId]) -> ReachedLimit | None:
        refused = fresh if world.replies else fresh[1:]
        return ReachedLimit(
            quota="messages_per_day", until=until, refused=refused, tell=request.opening
        )

    world.limit_of = beyond_the_first
    await conversation.receive(message(1), message(2))
    await eventually(lambda: len(world.replies) == 2)
    await conversation.receive(message(3))
    await eventually(lambda: len(world.recorded) == 2)
    world.limit_of = None
    await conversation.receive(message(4))
    await eventually(lambda: len(world.replies) == 3)
    return conversation.handle


def _anonymous(history: str) -> str:
    history = re.sub(r'"stackTrace": "(?:[^"\\]|\\.)*"', '"stackTrace": ""', history)
    return re.sub(r'"identity": "[^"]*"', '"identity": "worker"', history)


if __name__ == "__main__":
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    asyncio.run(record(*sys.argv[1:]))
