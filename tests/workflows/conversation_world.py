"""A world for the conversation workflow: activities that keep what happened in memory, so that a
test can hold one back, break it, and look at what went out."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError
from temporalio.worker import Worker

from contracts import names
from contracts.conversation import (
    PROTOCOL,
    CannedReply,
    ChangedStatus,
    ChangeStatus,
    ConsentChange,
    ConversationInput,
    ConversationRef,
    DraftedReply,
    FetchedMedia,
    FetchMedia,
    GenerateReply,
    HandoffReason,
    InboundMessage,
    MarkRead,
    MediaReference,
    MessageType,
    ReceivedMessage,
    RecordEcho,
    RecordedInbound,
    RecordInbound,
    RefreshedMemory,
    RefreshMemory,
    ReplyKind,
    RetrievedPassages,
    ScoredPassage,
    SendPart,
    SentPart,
    SettleUncertain,
    Turn,
    UncertainDecision,
    WithdrawPart,
    WriteReply,
)
from contracts.ids import (
    ChannelId,
    ConversationId,
    MessageId,
    OrganizationId,
    PassageId,
    PersonId,
    TurnId,
)
from contracts.model import Contract
from contracts.quotas import ReachedLimit
from workflows.conversation import ConversationWorkflow

QUEUES = (names.CONVERSATIONS_QUEUE, names.LLM_QUEUE, names.WHATSAPP_QUEUE, names.MEDIA_QUEUE)
CONVERSATION = ConversationRef(
    organization_id=OrganizationId("org_1"),
    channel_id=ChannelId("chn_1"),
    person_id=PersonId("wau_1"),
    conversation_id=ConversationId("conv_1"),
)


def message(
    number: int,
    *,
    reply: ReplyKind = "answer",
    type: MessageType = "text",
    sent_at: int | None = None,
    file: bool = False,
) -> ReceivedMessage:
    """Message `number` of the person, sent that many seconds after the epoch unless told."""
    return ReceivedMessage(
        message=InboundMessage(
            whatsapp_message_id=f"wamid.{number}",
            type=type,
            reply=reply,
            text=f"message {number}",
            media=MediaReference(media_id=f"media {number}") if file else None,
            sent_at=datetime.fromtimestamp(1_760_000_000 + (sent_at or number), UTC),
        ),
        debounce_seconds=0.2,
    )


@dataclass
class World:
    """What the activities saw and did. Set the hooks to hold back or break one."""

    recorded: list[list[str]] = field(default_factory=list)
    """Per call of `record_inbound`: the texts that were fresh."""
    known: dict[str, tuple[TurnId, MessageId]] = field(default_factory=dict)
    """The turn that has had a message, and the message's id, by its id at Meta."""
    texts: dict[MessageId, str] = field(default_factory=dict)
    drafts: dict[str, str] = field(default_factory=dict)
    sent: list[tuple[TurnId, int, str]] = field(default_factory=list)
    generated: Counter[str] = field(default_factory=Counter)
    cancelled: int = 0
    read: list[str] = field(default_factory=list)
    closed: int = 0
    statuses: list[ChangeStatus] = field(default_factory=list)
    echoes: list[str] = field(default_factory=list)
    fetched: int = 0
    files: set[MessageId] = field(default_factory=set)
    """Messages that came with one."""
    files_are_mute: bool = False
    """What people send cannot be read, and says nothing."""
    refreshed: list[MessageId] = field(default_factory=list)
    withdrawn: list[MessageId] = field(default_factory=list)
    return_after: timedelta | None = timedelta(hours=1)
    handoff_of: Callable[[str], HandoffReason | None] = lambda _text: None
    """What a text says of wanting a human."""
    consent_of: Callable[[str], ConsentChange | None] = lambda _text: None
    draft_handoff: HandoffReason | None = None
    """The model asks for a human with its next replies."""
    parts: int = 1
    send_outcomes: list[SentPart] = field(default_factory=list)
    """Outcomes of the next sends; `sent` when there are none left."""
    channel_is_gone: bool = False
    limit_of: Callable[[RecordInbound, list[MessageId]], ReachedLimit | None] | None = None
    """The verdict of the quotas on what was recorded; by default there are none."""
    decision: UncertainDecision = field(
        default_factory=lambda: UncertainDecision(decision="settled")
    )
    on_generate: Callable[["World", Turn], Awaitable[None]] | None = None
    on_send: Callable[["World", SendPart], Awaitable[None]] | None = None

    @activity.defn(name="record_inbound")
    async def record_inbound(self, request: RecordInbound) -> RecordedInbound:
        ids: list[MessageId] = []
        renamed: dict[MessageId, MessageId] = {}
        for record in request.messages:
            turn_id, kept = self.known.setdefault(
                record.message.whatsapp_message_id, (request.turn_id, record.message_id)
            )
            if turn_id != request.turn_id:
                continue
            ids.append(kept)
            self.texts[kept] = record.message.text or ""
            if record.message.media is not None:
                self.files.add(kept)
            if kept != record.message_id:
                renamed[record.message_id] = kept
        self.recorded.append([self.texts[message_id] for message_id in ids])
        limit = self.limit_of(request, ids) if self.limit_of is not None else None
        texts = [self.texts[message_id] for message_id in ids]
        return RecordedInbound(
            fresh=ids,
            renamed=renamed,
            limit=limit,
            handoff=next(filter(None, map(self.handoff_of, texts)), None),
            consent=next(filter(None, map(self.consent_of, texts)), None),
        )

    @activity.defn(name="mark_read")
    async def mark_read(self, request: MarkRead) -> None:
        self.read.append(request.whatsapp_message_id)

    @activity.defn(name="retrieve_passages")
    async def retrieve_passages(self, turn: Turn) -> RetrievedPassages:  # noqa: ARG002 - signature
        return RetrievedPassages(
            passages=(ScoredPassage(passage_id=PassageId("psg_1"), score=1.0),)
        )

    @activity.defn(name="write_reply")
    async def write_reply(self, request: WriteReply) -> DraftedReply:
        if request.mark_read is not None:
            self.read.append(request.mark_read)
        return await self._written(request.turn)

    @activity.defn(name="generate_reply")
    async def generate_reply(self, request: GenerateReply) -> DraftedReply:
        return await self._written(request.turn)

    async def _written(self, turn: Turn) -> DraftedReply:
        asked = " + ".join(self.texts[message_id] for message_id in turn.message_ids)
        self.generated[asked] += 1
        beating = asyncio.create_task(_beat())
        try:
            if self.on_generate is not None:
                await self.on_generate(self, turn)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            beating.cancel()
        return self._keep(f"answer to {asked}", parts=self.parts)

    @activity.defn(name="draft_canned_reply")
    async def draft_canned_reply(self, request: CannedReply) -> DraftedReply:
        if request.mark_read is not None:
            self.read.append(request.mark_read)
        if self.channel_is_gone:
            raise ApplicationError("no such channel", non_retryable=True)
        return self._keep(request.kind, parts=1)

    def _keep(self, text: str, *, parts: int) -> DraftedReply:
        draft_id = str(len(self.drafts))
        self.drafts[draft_id] = text
        return DraftedReply(draft_id=draft_id, parts=parts, handoff=self.draft_handoff)

    @activity.defn(name="send_part")
    async def send_part(self, request: SendPart) -> SentPart:
        if self.on_send is not None:
            await self.on_send(self, request)
        outcome = self.send_outcomes.pop(0) if self.send_outcomes else SentPart(outcome="sent")
        if outcome.outcome == "sent":
            text = self.drafts[request.draft_id]
            self.sent.append((request.turn.turn_id, request.part, text))
        return outcome

    @activity.defn(name="settle_uncertain_send")
    async def settle_uncertain_send(self, request: SettleUncertain) -> UncertainDecision:  # noqa: ARG002
        return self.decision

    @activity.defn(name="change_status")
    async def change_status(self, request: ChangeStatus) -> ChangedStatus:
        self.statuses.append(request)
        handoff = request.handoff
        if handoff is None or self.return_after is None:
            return ChangedStatus()
        return ChangedStatus(returns_at=(handoff.human_at or handoff.since) + self.return_after)

    @activity.defn(name="record_echo")
    async def record_echo(self, request: RecordEcho) -> None:
        self.echoes.append(request.echo.text or "")

    @activity.defn(name="withdraw_part")
    async def withdraw_part(self, request: WithdrawPart) -> None:
        self.withdrawn.append(request.message_id)

    @activity.defn(name="fetch_media")
    async def fetch_media(self, request: FetchMedia) -> FetchedMedia:
        self.fetched += 1
        files = [one for one in request.turn.message_ids if one in self.files]
        return FetchedMedia(failed=files if self.files_are_mute else [])

    @activity.defn(name="refresh_memory")
    async def refresh_memory(self, request: RefreshMemory) -> RefreshedMemory:
        self.refreshed.append(request.up_to)
        return RefreshedMemory(summarised=True)

    @activity.defn(name="close_conversation")
    async def close_conversation(self, turn: Turn) -> None:  # noqa: ARG002 - signature
        self.closed += 1

    @property
    def replies(self) -> list[str]:
        return [text for _, _, text in self.sent]

    def activities(self) -> Sequence[Callable[..., Any]]:
        return [
            self.record_inbound, self.mark_read, self.retrieve_passages, self.generate_reply,
            self.write_reply, self.draft_canned_reply, self.send_part, self.settle_uncertain_send,
            self.fetch_media, self.refresh_memory, self.close_conversation, self.change_status,
            self.record_echo, self.withdraw_part,
        ]  # fmt: skip


async def _beat() -> None:
    while True:
        activity.heartbeat()
        await asyncio.sleep(0.2)


async def model_is_broken(_world: World, _turn: Turn) -> None:
    raise ApplicationError("the model is broken", non_retryable=True)


class RunningConversation:
    """A conversation on a real Temporal server, with workers on all its queues."""

    def __init__(
        self,
        client: Client,
        world: World,
        *,
        turns_per_run: int | None = None,
        conversation: ConversationRef = CONVERSATION,
        protocol: int = PROTOCOL,
        second: Client | None = None,
    ) -> None:
        """
        Args:
            second: for a second worker on each queue.
        """
        self.client = client
        self.conversation = conversation
        self.world = world
        self.workflow_id = f"conversation/test/{uuid4()}"
        self._turns_per_run = turns_per_run
        self._protocol = protocol
        self._clients = [client] if second is None else [client, second]
        self._workers: list[list[Worker]] = []
        """Of each client: one on every queue."""

    async def __aenter__(self) -> "RunningConversation":
        self._workers = [await self._start_workers(client) for client in self._clients]
        return self

    async def __aexit__(self, *error: object) -> None:
        with suppress(RPCError):  # It may have ended by itself.
            await self.handle.terminate()
        await asyncio.gather(*map(_stop, self._workers))

    async def replace_workers(self, which: int) -> None:
        """Stop the workers of one client, and start others in their place."""
        await _stop(self._workers[which])
        self._workers[which] = await self._start_workers(self._clients[which])

    async def _start_workers(self, client: Client) -> list[Worker]:
        workers = [
            Worker(
                client,
                task_queue=queue,
                workflows=[ConversationWorkflow],
                activities=self.world.activities(),
                max_cached_workflows=100,
            )
            for queue in QUEUES
        ]
        for worker in workers:
            await worker.__aenter__()
        return workers

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(self.workflow_id)

    @property
    def _input(self) -> ConversationInput:
        return ConversationInput(
            conversation=self.conversation,
            turns_per_run=self._turns_per_run,
            protocol=self._protocol,
        )

    async def receive(self, *received: ReceivedMessage) -> None:
        """Signal-with-start, as the webhook does it."""
        for each in received:
            await self.start_with("receive_message", each)

    async def start_with(self, signal: str, argument: Contract) -> None:
        await self.client.start_workflow(
            names.CONVERSATION_WORKFLOW,
            self._input,
            id=self.workflow_id,
            task_queue=names.CONVERSATIONS_QUEUE,
            start_signal=signal,
            start_signal_args=[argument],
        )


async def _stop(workers: list[Worker]) -> None:
    await asyncio.gather(*(worker.__aexit__(None, None, None) for worker in workers))


async def eventually(condition: Callable[[], bool], *, within: float = 20) -> None:
    """Return when the condition holds; fail when it does not in so many seconds."""
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110 - conditions here look at plain state
            await asyncio.sleep(0.02)
