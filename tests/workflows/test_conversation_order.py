"""Whatever comes in whatever order: everything is written down once, and answered once, in order.

Hypothesis makes up what happens; two workers on a real Temporal server go through it. More examples
than the usual ones: `PARLEY_ORDER_EXAMPLES=500`.
"""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from adapters.temporal.conversations import (
    ConversationDesk,
    ConversationNotRunning,
    workflow_id,
)
from contracts.conversation import (
    ConversationRef,
    ConversationSnapshot,
    EchoedMessage,
    Operator,
    OperatorMessage,
    ReceivedEcho,
    ReceivedMessage,
    SendPart,
    SentPart,
    SettledSend,
    SettleUncertain,
    Turn,
    UncertainDecision,
)
from contracts.ids import ChannelId, ConversationId, MessageId, OrganizationId, PersonId
from tests.in_this_loop import in_this_loop
from tests.servers import ConnectTemporal
from tests.workflows.conversation_world import RunningConversation, World, message
from workflows.conversation import ConversationWorkflow

EXAMPLES = int(os.environ.get("PARLEY_ORDER_EXAMPLES", "25"))
EXAMPLE_SECONDS = 120
REST_SECONDS = 60
ANA = Operator(api_key_id="key_ana", name="Ana")
RESTING = (
    "waiting for a message",
    "waiting for a human; the assistant is silent",
    "a human has the conversation; the assistant is silent",
)


@dataclass(frozen=True)
class Write:
    """The person writes; the webhooks come in this order, whenever the messages were sent."""

    back: tuple[int, ...]
    """Of each message: so many seconds before the one that was written last it was sent."""
    quiet: float = 0.0
    asks: bool = True


@dataclass(frozen=True)
class Again:
    """Meta delivers a message that it has delivered before."""

    which: int


@dataclass(frozen=True)
class Operate:
    what: str
    """`take_over`, `release`, `close`, `post`, `template`, `echo`."""


@dataclass(frozen=True)
class Uncertain:
    """Nobody hears Meta's answer to the next send."""

    arrives: bool
    told: bool
    """A status webhook comes in time."""


@dataclass(frozen=True)
class Think:
    """The model needs a while from now on."""

    seconds: float


@dataclass(frozen=True)
class Restart:
    which: int


@dataclass(frozen=True)
class Rest:
    """Nothing comes in until everything is done."""


Step = Write | Again | Operate | Uncertain | Think | Restart | Rest

WRITE = st.builds(
    Write,
    back=st.lists(st.integers(0, 3), min_size=1, max_size=3).map(tuple),
    quiet=st.sampled_from([0.0, 0.0, 0.1]),
    asks=st.sampled_from([True, True, True, False]),
)
OPERATE = st.builds(
    Operate, st.sampled_from(["take_over", "release", "close", "post", "template", "echo"])
)
STEP = st.one_of(
    WRITE,
    WRITE,
    WRITE,
    st.builds(Again, st.integers(0, 20)),
    OPERATE,
    st.builds(Uncertain, arrives=st.booleans(), told=st.booleans()),
    st.builds(Think, st.sampled_from([0.0, 0.05, 0.3])),
    st.builds(Restart, st.integers(0, 1)),
    st.just(Rest()),
)
PLANS = st.lists(STEP, min_size=2, max_size=10)


@dataclass
class Meta(World):
    """A world in which a message arrives at most once, as the outbox has it."""

    fates: list[Uncertain] = field(default_factory=list)
    arrived: set[MessageId] = field(default_factory=set)
    tell: Callable[[MessageId], None] = lambda _message_id: None

    @activity.defn(name="send_part")
    async def send_part(self, request: SendPart) -> SentPart:
        if request.message_id in self.arrived:
            return SentPart(outcome="sent")
        fate = None if request.resend or not self.fates else self.fates.pop(0)
        if fate is None or fate.arrives:
            self.arrived.add(request.message_id)
            self.sent.append((request.turn.turn_id, request.part, self.drafts[request.draft_id]))
        if fate is None:
            return SentPart(outcome="sent")
        if fate.arrives and fate.told:
            self.tell(request.message_id)
        return SentPart(outcome="uncertain", settle_seconds=0.3)

    @activity.defn(name="settle_uncertain_send")
    async def settle_uncertain_send(self, request: SettleUncertain) -> UncertainDecision:
        arrived = request.message_id in self.arrived
        return UncertainDecision(decision="settled" if arrived else "resend")


class Story:
    """Goes through a plan, and knows what must have become of everything."""

    def __init__(self, conversation: RunningConversation, world: Meta) -> None:
        self.conversation = conversation
        self.world = world
        self.desk = ConversationDesk(conversation.client)
        self.written: list[ReceivedMessage] = []
        self.undisturbed: set[str] = set()
        """Texts that ask for an answer and came while nobody but the assistant was there."""
        self.posts: list[str] = []
        self.echoes: list[str] = []
        self.missing = ""
        self._since_rest: set[str] = set()
        self._human = False
        self._disturbed = False
        self._sent_when_silent: int | None = None
        self._telling: set[asyncio.Task[None]] = set()
        world.tell = self._tell

    async def go_through(self, plan: Sequence[Step]) -> None:
        # Most of what may happen needs somebody to be there.
        for step in (Write(back=(0,)), *plan, Rest()):
            await self._take(step)

    async def _take(self, step: Step) -> None:
        match step:
            case Write():
                await self._write(step)
            case Again():
                await self.conversation.receive(self.written[step.which % len(self.written)])
            case Operate():
                await self._operate(step.what)
            case Uncertain():
                self.world.fates.append(step)
            case Think():
                self._think(step.seconds)
            case Restart():
                await self.conversation.replace_workers(step.which)
            case Rest():
                await self._rest()

    async def _write(self, step: Write) -> None:
        for back in step.back:
            number = len(self.written) + 1
            received = message(
                number, sent_at=10 * number - 11 * back, reply="answer" if step.asks else "none"
            ).model_copy(update={"debounce_seconds": step.quiet})
            self.written.append(received)
            if step.asks:
                self._since_rest.add(received.message.text or "")
            await self.conversation.receive(received)

    async def _operate(self, what: str) -> None:
        ref = self.conversation.conversation
        if what in ("release", "close"):
            self._was_silent()
        if what != "template":
            self._disturbed = True
        if what == "take_over":
            await self.desk.take_over(ref, ANA, update_id=str(uuid4()))
            self._human = True
            if self._sent_when_silent is None:
                self._sent_when_silent = len(self._of_the_assistant())
        elif what == "echo":
            await self._echo()
        elif what in ("post", "template"):
            await self._post(template=what == "template")
        else:
            end = self.desk.release if what == "release" else self.desk.close
            with suppress(ConversationNotRunning):  # It is closed already.
                await end(ref, ANA, update_id=str(uuid4()))
            self._human = False

    async def _post(self, *, template: bool) -> None:
        text = f"post {len(self.posts)}"
        self.posts.append(text)
        post = OperatorMessage(post_id=str(uuid4()), draft_id=text, operator=ANA, template=template)
        self.world.drafts[text] = text
        first = await self.desk.send_message(self.conversation.conversation, post)
        assert first.message_id
        self._human = self._human or not template

    async def _echo(self) -> None:
        text = f"echo {len(self.echoes)}"
        self.echoes.append(text)
        echo = EchoedMessage(
            whatsapp_message_id=f"wamid.{text}", type="text", text=text, sent_at=datetime.now(UTC)
        )
        for _ in range(2):
            await self.conversation.start_with("receive_echo", ReceivedEcho(echo=echo))
        self._human = True

    def _think(self, seconds: float) -> None:
        async def think(_world: World, _turn: Turn) -> None:
            await asyncio.sleep(seconds)

        self.world.on_generate = think if seconds else None

    def _tell(self, message_id: MessageId) -> None:
        settled = SettledSend(message_id=message_id, status="sent")
        telling = asyncio.ensure_future(self.conversation.handle.signal("settle_send", settled))
        self._telling.add(telling)

    async def _rest(self) -> None:
        deadline = time.monotonic() + REST_SECONDS
        while not await self._is_at_rest():
            assert time.monotonic() < deadline, self.missing
            await asyncio.sleep(0.05)
        if not self._disturbed:
            self.undisturbed |= self._since_rest
        self._since_rest.clear()
        self._disturbed = self._human
        if self._human and self._sent_when_silent is None:
            self._sent_when_silent = len(self._of_the_assistant())

    async def _is_at_rest(self) -> bool:
        """All that came in has been dealt with, and nothing is being done."""
        missing = (
            len(self.written) - len(self.world.known),
            len(self.posts) - len(self._of_operators()),
            len(self.echoes) - len(self.world.echoes),
        )
        self.missing = f"messages, posts, echoes that are missing: {missing}"
        if any(each > 0 for each in missing):
            return False
        description = await self.conversation.handle.describe()
        if description.status is WorkflowExecutionStatus.COMPLETED:
            return True
        assert description.status in (
            WorkflowExecutionStatus.RUNNING,
            WorkflowExecutionStatus.CONTINUED_AS_NEW,
        )
        snapshot = await self.conversation.handle.query(
            "snapshot", result_type=ConversationSnapshot
        )
        return snapshot.doing in RESTING and snapshot.pending == 0

    def _was_silent(self) -> None:
        """The assistant has said nothing since a human was there."""
        if self._sent_when_silent is not None:
            assert len(self._of_the_assistant()) == self._sent_when_silent
        self._sent_when_silent = None

    def _of_operators(self) -> list[str]:
        return [text for turn, _, text in self.world.sent if turn.startswith("post.")]

    def _of_the_assistant(self) -> list[str]:
        return [text for turn, _, text in self.world.sent if not turn.startswith("post.")]

    def check(self) -> None:
        self._was_silent()
        self._check_records()
        self._check_replies()
        assert self._of_operators() == self.posts
        assert Counter(self.world.echoes) == Counter(self.echoes)

    def _check_records(self) -> None:
        known = {received.message.whatsapp_message_id for received in self.written}
        assert set(self.world.known) == known
        ids = [message_id for _, message_id in self.world.known.values()]
        assert len(set(ids)) == len(ids)
        sent_at = {each.message.text: each.message.sent_at for each in self.written}
        for batch in self.world.recorded:
            times = [sent_at[text] for text in batch]
            assert times == sorted(times)

    def _check_replies(self) -> None:
        """Each message is answered at most once, and by the batch that it was recorded in or a
        later one; if only the assistant was there, it is answered."""
        replies = self._of_the_assistant()
        answered = [
            text for reply in replies for text in reply.removeprefix("answer to ").split(" + ")
        ]
        times = Counter(answered)
        assert not [text for text, count in times.items() if count > 1]
        assert self.undisturbed <= set(answered)
        order: list[str] = []
        for batch in self.world.recorded:
            # A task that ran again has recorded its messages again, with others among them.
            order = [text for text in order if text not in batch] + batch
        places = [order.index(text) for text in answered]
        assert places == sorted(places)


async def replay_every_run(client: Client, workflow: str) -> None:
    replayer = Replayer(workflows=[ConversationWorkflow], data_converter=pydantic_data_converter)
    async for run in client.list_workflows(f"WorkflowId = '{workflow}'"):
        handle = client.get_workflow_handle(run.id, run_id=run.run_id)
        await replayer.replay_workflow(await handle.fetch_history())


def somebody() -> ConversationRef:
    unique = uuid4().hex
    return ConversationRef(
        organization_id=OrganizationId("org_1"),
        channel_id=ChannelId("chn_1"),
        person_id=PersonId(f"wau_{unique}"),
        conversation_id=ConversationId(f"conv_{unique}"),
    )


@pytest.mark.timeout(EXAMPLES * EXAMPLE_SECONDS)
async def test_every_message_is_recorded_once_and_answered_once_in_order(
    connect_temporal: ConnectTemporal,
) -> None:
    clients = [await connect_temporal(data_converter=pydantic_data_converter) for _ in range(2)]
    run: Any = in_this_loop(within=2 * EXAMPLE_SECONDS)

    async def live_through(plan: Sequence[Step], turns_per_run: int | None) -> None:
        world, ref = Meta(return_after=None), somebody()
        async with RunningConversation(
            clients[0],
            world,
            turns_per_run=turns_per_run,
            conversation=ref,
            second=clients[1],
        ) as conversation:
            conversation.workflow_id = workflow_id(ref)
            story = Story(conversation, world)
            await story.go_through(plan)
            story.check()
            await replay_every_run(clients[0], conversation.workflow_id)

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True,
        suppress_health_check=list(HealthCheck),
        # No shrinking: what a race broke once seldom breaks again.
        phases=[Phase.explicit, Phase.generate],
    )  # fmt: skip
    @given(plan=PLANS, turns_per_run=st.sampled_from([None, 1, 2, 3]))
    def lives_through(plan: Sequence[Step], turns_per_run: int | None) -> None:
        run(live_through(plan, turns_per_run))

    await asyncio.to_thread(lives_through)
