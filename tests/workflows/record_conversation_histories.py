"""Records the histories of conversations that later versions must still replay.

Run it (`python -m tests.workflows.record_conversation_histories limited_2`) with the names of what
is new when the workflow changes on purpose. The old files stay for as long as runs of that version
may be open.
"""

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter

from contracts.conversation import (
    EchoedMessage,
    ReceivedEcho,
    RecordInbound,
    SendPart,
    SentPart,
    Turn,
    UncertainDecision,
)
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
from tests.workflows.operators import close, post, release, take_over

DIRECTORY = Path(__file__).parent.parent / "histories" / "conversation"
SETTLE_SECONDS = 0.3
"""Lets Temporal's core finish: see `tests/conftest.py`."""

Handle = WorkflowHandle[object, object]
Scenario = Callable[[RunningConversation, World], Awaitable[Handle]]


async def record(*names: str) -> None:
    async with running_temporal(make_directory()) as server:
        client = await Client.connect(server.address, data_converter=pydantic_data_converter)
        for name in names:
            scenario, protocol = SCENARIOS[name]
            world = World()
            per_run = 2 if scenario is continued else None
            async with RunningConversation(
                client, world, turns_per_run=per_run, protocol=protocol
            ) as conversation:
                handle = await scenario(conversation, world)
                history = await handle.fetch_history()
                path = DIRECTORY / f"{name}.json"
                path.write_text(_anonymous(history.to_json()))
        await asyncio.sleep(SETTLE_SECONDS)


async def turns(conversation: RunningConversation, world: World) -> Handle:
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


async def superseded(conversation: RunningConversation, world: World) -> Handle:
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


async def uncertain(conversation: RunningConversation, world: World) -> Handle:
    world.send_outcomes = [SentPart(outcome="uncertain", settle_seconds=0.2)]
    world.decision = UncertainDecision(decision="resend")
    await conversation.receive(message(1))
    await eventually(lambda: len(world.replies) == 1)
    return conversation.handle


async def continued(conversation: RunningConversation, world: World) -> Handle:
    """The first run, which ends by continuing as new."""
    await conversation.receive(message(1))
    run_id = (await conversation.handle.describe()).run_id
    await eventually(lambda: len(world.replies) == 1)
    await conversation.receive(message(2))
    await eventually(lambda: len(world.replies) == 2)
    await conversation.receive(message(3))
    await eventually(lambda: len(world.replies) == 3)
    return conversation.client.get_workflow_handle(conversation.workflow_id, run_id=run_id)


async def limited(conversation: RunningConversation, world: World) -> Handle:
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


async def takeover(conversation: RunningConversation, world: World) -> Handle:
    """An operator interrupts a reply, writes, gives the conversation back, which is then answered
    from again."""
    writing = asyncio.Event()

    async def hang(_world: World, _turn: Turn) -> None:
        writing.set()
        await asyncio.Event().wait()

    world.on_generate = hang
    await conversation.receive(message(1))
    await writing.wait()
    await take_over(conversation)
    await eventually(lambda: len(world.statuses) == 1)
    world.on_generate = None
    await conversation.receive(message(2), message(3, file=True))
    await eventually(lambda: sum(map(len, world.recorded)) == 3)
    await post(conversation, "from Ana", post_id="1")
    await eventually(lambda: len(world.replies) == 1)
    await release(conversation)
    await eventually(lambda: world.statuses[-1].status == "bot")
    await conversation.receive(message(4))
    await eventually(lambda: len(world.replies) == 2)
    return conversation.handle


async def handoff(conversation: RunningConversation, world: World) -> Handle:
    """The person asks for a human; nobody comes, so the assistant returns and answers."""
    world.return_after = timedelta(seconds=2)
    world.handoff_of = lambda text: "person" if "2" in text else None
    await conversation.receive(message(1))
    await eventually(lambda: len(world.replies) == 1)
    await conversation.receive(message(2))
    await eventually(lambda: len(world.statuses) == 1)
    await conversation.receive(message(3))
    await eventually(lambda: len(world.replies) == 3)
    world.draft_handoff = "model"
    await conversation.receive(message(4))
    await eventually(lambda: len(world.statuses) == 3)
    return conversation.handle


async def posts(conversation: RunningConversation, world: World) -> Handle:
    """Operators' messages: one twice, a template, one that Meta refuses, an uncertain one."""
    await conversation.receive(message(1))
    await eventually(lambda: len(world.replies) == 1)
    await post(conversation, "[template]", post_id="1", template=True)
    await eventually(lambda: len(world.replies) == 2)
    for post_id in ("2", "2", "3"):
        await post(conversation, f"post {post_id}", post_id=post_id)
    await eventually(lambda: len(world.replies) == 4)
    world.send_outcomes = [
        SentPart(outcome="rejected", error_code=131026),
        SentPart(outcome="uncertain", settle_seconds=0.2),
    ]
    await post(conversation, "refused", post_id="4")
    await post(conversation, "uncertain", post_id="5")
    await eventually(lambda: not world.send_outcomes)
    await post(conversation, "the last", post_id="6")
    await eventually(lambda: len(world.replies) == 5)
    return conversation.handle


async def echo(conversation: RunningConversation, world: World) -> Handle:
    """Somebody answers in the WhatsApp Business app."""
    await conversation.receive(message(1))
    await eventually(lambda: len(world.replies) == 1)
    for number in (1, 2, 1):
        typed = EchoedMessage(
            whatsapp_message_id=f"wamid.echo{number}",
            type="text",
            text=f"echo {number}",
            sent_at=message(2).message.sent_at,
        )
        await conversation.start_with("receive_echo", ReceivedEcho(echo=typed))
    await eventually(lambda: len(world.echoes) == 2)
    await conversation.receive(message(3))
    await eventually(lambda: sum(map(len, world.recorded)) == 2)
    return conversation.handle


async def closed(conversation: RunningConversation, world: World) -> Handle:
    """An operator takes the conversation over and closes it."""
    await conversation.receive(message(1))
    await eventually(lambda: len(world.replies) == 1)
    await take_over(conversation)
    await conversation.receive(message(2))
    await eventually(lambda: sum(map(len, world.recorded)) == 2)
    await close(conversation)
    await conversation.handle.result()
    return conversation.handle


async def files(conversation: RunningConversation, world: World) -> Handle:
    """One that says something, one that does not."""
    await conversation.receive(message(1, file=True, type="image"))
    await eventually(lambda: len(world.replies) == 1)
    world.files_are_mute = True
    await conversation.receive(message(2, file=True, type="audio"))
    await eventually(lambda: len(world.replies) == 2)
    return conversation.handle


async def memory(conversation: RunningConversation, world: World) -> Handle:
    """As many messages as it takes for what was said to be summarised, and some more."""
    number = 0
    while len(world.refreshed) < 2:
        number += 1
        await conversation.receive(message(number))
        await eventually(lambda number=number: len(world.replies) == number)  # type: ignore[misc]
    return conversation.handle


async def withdrawn(conversation: RunningConversation, world: World) -> Handle:
    """A part that Meta turns away is withdrawn when an operator takes over."""
    tried = asyncio.Event()

    async def turned_away(_world: World, request: SendPart) -> None:
        if not request.turn.turn_id.startswith("post."):
            tried.set()
            raise RuntimeError("Meta turned it away for now")

    world.on_send = turned_away
    await conversation.receive(message(1))
    await tried.wait()
    await take_over(conversation)
    await eventually(lambda: len(world.withdrawn) == 1)
    await post(conversation, "I am Ana", post_id="1")
    await eventually(lambda: len(world.replies) == 1)
    return conversation.handle


async def consent(conversation: RunningConversation, world: World) -> Handle:
    """The person wants no proactive messages, and then does again."""
    world.consent_of = lambda text: "stopped" if "1" in text else "resumed"
    for number in (1, 2):
        await conversation.receive(message(number))
        await eventually(lambda number=number: len(world.replies) == number)  # type: ignore[misc]
    return conversation.handle


EARLIER = (turns, superseded, uncertain, continued, limited)
LATER = (takeover, handoff, posts, echo, closed, files, memory, withdrawn, consent)
SCENARIOS: dict[str, tuple[Scenario, int]] = {
    **{scenario.__name__: (scenario, 1) for scenario in EARLIER},
    **{f"{scenario.__name__}_2": (scenario, 2) for scenario in (*EARLIER, *LATER)},
}
"""By the name of the file: what happens, and the protocol that the run keeps to."""


def _anonymous(history: str) -> str:
    history = re.sub(r'"stackTrace": "(?:[^"\\]|\\.)*"', '"stackTrace": ""', history)
    return re.sub(r'"identity": "[^"]*"', '"identity": "worker"', history)


if __name__ == "__main__":
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    asyncio.run(record(*sys.argv[1:]))
