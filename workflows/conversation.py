"""One person's conversation with a business on one WhatsApp number, for as long as it lasts.

Signals only dedupe and append; one loop does all the waiting:

    wait for a message → let the burst settle → record → retrieve → generate → send → wait …

A newer message cancels the running generation and joins its batch; the send is the point of no
return. The workflow outlives every failure of an activity: the person then hears the assistant's
fallback message.
"""

from collections import deque
from contextlib import suppress
from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, FailureError, is_cancelled_exception

from workflows import conversation_steps as steps

with workflow.unsafe.imports_passed_through():
    from contracts import names
    from contracts.conversation import (
        CarriedState,
        ConversationInput,
        ConversationSnapshot,
        DraftedReply,
        GenerateReply,
        InboundRecord,
        MarkRead,
        ReceivedMessage,
        RecordInbound,
        SendPart,
        SentPart,
        SettledSend,
        SettleUncertain,
        Turn,
    )
    from contracts.ids import MessageId, TurnId
    from contracts.quotas import ReachedLimit

SEEN_LIMIT = 500
"""Message ids remembered for dedupe. Older redeliveries are caught by the record in DynamoDB."""

BURST_CAP = 5
"""A burst is gathered for at most so many quiet periods after its first message."""

MAX_SUPERSEDES = 3
"""So often may newer messages restart a reply; after that it is sent and they start a turn."""

T = TypeVar("T")


class _Superseded(Exception):
    """A newer message came in before the reply was ready."""


@workflow.defn(name=names.CONVERSATION_WORKFLOW)
class ConversationWorkflow:
    @workflow.init
    def __init__(self, input: ConversationInput) -> None:
        state = input.state
        self._conversation = input.conversation
        self._turns_per_run = input.turns_per_run
        self._seen = dict.fromkeys(state.seen)
        self._pending = deque(state.pending)
        self._turns = state.turns
        self._turns_at_start = state.turns
        self._began_ms = state.began_ms or int(workflow.info().start_time.timestamp() * 1000)
        self._message_count = state.message_count
        self._opened = state.opened
        self._limit = state.limit
        self._settled: dict[MessageId, str] = {}
        self._receipts: list[workflow.ActivityHandle[None]] = []
        self._doing = "waiting for a message"

    @workflow.signal
    def receive_message(self, received: ReceivedMessage) -> None:
        """A person wrote. Meta delivers more than once: a known id changes nothing."""
        message_id = received.message.whatsapp_message_id
        if message_id in self._seen:
            return
        self._seen[message_id] = None
        self._pending.append(received)

    @workflow.signal
    def settle_send(self, settled: SettledSend) -> None:
        """A status webhook told the fate of a message of ours."""
        self._settled[settled.message_id] = settled.status

    @workflow.query
    def snapshot(self) -> ConversationSnapshot:
        return ConversationSnapshot(
            status="bot", turns=self._turns, pending=len(self._pending), doing=self._doing
        )

    @workflow.run
    async def run(self, input: ConversationInput) -> int:  # noqa: ARG002 - taken by __init__
        while await self._message_comes() or not await self._closed():
            await self._let_burst_settle()
            await self._take_turn()
            if self._should_continue_as_new():
                await self._continue_as_new()
        return self._turns

    async def _message_comes(self) -> bool:
        self._show("waiting for a message")
        try:
            await workflow.wait_condition(
                lambda: bool(self._pending),
                timeout=steps.SERVICE_WINDOW,
                timeout_summary="service window (24 h)",
            )
        except TimeoutError:
            return False
        return True

    async def _closed(self) -> bool:
        """Close, unless a message slips in. No await after the look at `_pending`: a signal that
        arrives later makes the server refuse the completion and run this task again."""
        await steps.close(
            Turn(conversation=self._conversation, turn_id=self._turn_id(), message_ids=[])
        )
        await self._drain()
        self._opened = False
        return not self._pending

    async def _let_burst_settle(self) -> None:
        """Wait until the person pauses, so that three quick messages get one answer."""
        quiet = self._pending[-1].debounce_seconds
        deadline = workflow.now() + timedelta(seconds=quiet * BURST_CAP)
        while quiet > 0 and workflow.now() < deadline:
            count = len(self._pending)
            try:
                await workflow.wait_condition(
                    lambda count=count: len(self._pending) > count,  # type: ignore[misc]
                    timeout=timedelta(seconds=quiet),
                    timeout_summary="more to come?",
                )
            except TimeoutError:
                return

    async def _take_turn(self) -> None:
        batch: list[InboundRecord] = []
        limit: ReachedLimit | None = None
        first_contact, trace_id = False, ""
        for attempt in range(MAX_SUPERSEDES + 1):
            arrived = self._take_pending()
            trace_id = trace_id or arrived[0].trace_id
            self._show(f"recording {steps.counted(len(arrived), 'message')}")
            records = [
                InboundRecord(message_id=self._next_message_id(), message=received.message)
                for received in arrived
            ]
            recorded = await steps.record(
                RecordInbound(
                    conversation=self._conversation,
                    turn_id=self._turn_id(),
                    messages=records,
                    opening=not self._opened,
                )
            )
            self._opened = True
            first_contact = first_contact or recorded.first_contact
            self._limit = recorded.limit
            fresh = set(recorded.fresh)
            if recorded.limit is not None:
                fresh -= set(recorded.limit.refused)
                limit = recorded.limit if limit is None or recorded.limit.tell else limit
            batch += [record for record in records if record.message_id in fresh]
            asking = [record for record in batch if record.message.reply != "none"]
            if not asking:
                break
            turn = Turn(
                conversation=self._conversation,
                turn_id=self._turn_id(),
                message_ids=[record.message_id for record in batch],
                trace_id=trace_id,
                first_contact=first_contact,
            )
            try:
                draft = await self._draft(turn, asking, may_be_superseded=attempt < MAX_SUPERSEDES)
            except _Superseded:
                await self._let_burst_settle()
                continue
            except FailureError as error:  # what a local activity failed with, itself
                if is_cancelled_exception(error):
                    raise
                workflow.logger.error("there is nobody left to answer as: the channel is gone")
                break
            await self._send(turn, draft)
            break
        if limit is not None and limit.tell:
            await self._tell(limit, trace_id)
        if batch or limit:
            self._turns += 1

    async def _tell(self, limit: ReachedLimit, trace_id: str) -> None:
        """Say once that more is not answered now. Nothing is looked up or written for it."""
        turn = Turn(
            conversation=self._conversation,
            turn_id=self._turn_id(),
            message_ids=limit.refused,
            trace_id=trace_id,
        )
        try:
            draft = await steps.tell_limit(turn, limit)
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
            workflow.logger.error("nobody can be told of the quota: the channel is gone")
            return
        await self._send(turn, draft, name="word of the quota")

    def _take_pending(self) -> list[ReceivedMessage]:
        """What has come in, in the order it was sent. Meta's clock has seconds; what it cannot
        tell apart stays in the order of arrival."""
        arrived = sorted(self._pending, key=lambda received: received.message.sent_at)
        self._pending.clear()
        return arrived

    def _mark_read(self, turn: Turn, asking: list[InboundRecord], *, typing: bool) -> None:
        """Beside the reply, never in its way: whether it works decides nothing.

        Typing is shown only while a model writes. A prepared text can be there first, and the
        indicator would then stay for its 25 seconds.
        """
        receipt = steps.start_mark_read(
            MarkRead(
                turn=turn,
                whatsapp_message_id=asking[-1].message.whatsapp_message_id,
                typing=typing,
            )
        )
        receipt.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._receipts = [receipt, *(open for open in self._receipts if not open.done())]

    async def _draft(
        self, turn: Turn, asking: list[InboundRecord], *, may_be_superseded: bool
    ) -> DraftedReply:
        if all(record.message.reply == "acknowledge" for record in asking):
            self._mark_read(turn, asking, typing=False)
            welcome = asking[-1].message.type == "request_welcome"
            return await steps.draft_canned(turn, "welcome" if welcome else "acknowledgement")
        try:
            self._show("looking up passages")
            retrieved = await self._unless_superseded(
                steps.start_retrieval(turn), may_be_superseded
            )
            # Not sooner: its end takes a task of the workflow, for which a passage would wait.
            self._mark_read(turn, asking, typing=True)
            self._show("writing a reply")
            return await self._unless_superseded(
                steps.start_generation(GenerateReply(turn=turn, passages=retrieved.passages)),
                may_be_superseded,
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            workflow.logger.warning("no reply could be generated: the fallback goes out")
            return await steps.draft_canned(turn, "fallback")

    async def _unless_superseded(
        self, activity: workflow.ActivityHandle[T], may_be_superseded: bool
    ) -> T:
        """The activity's result. A newer message that asks for a reply cancels it for real."""
        await workflow.wait_condition(
            lambda: activity.done() or (may_be_superseded and self._is_superseded())
        )
        if not activity.done():
            activity.cancel()
            try:
                await activity
            except ActivityError as error:
                if not is_cancelled_exception(error):
                    workflow.logger.info("a superseded activity failed while being cancelled")
            raise _Superseded
        return await activity

    def _is_superseded(self) -> bool:
        return any(received.message.reply != "none" for received in self._pending)

    async def _send(self, turn: Turn, draft: DraftedReply, *, name: str = "the reply") -> None:
        """Send the parts in order. A part that was rejected ends the reply: the rest would read
        as if something were missing."""
        for part in range(draft.parts):
            part_name = name if draft.parts == 1 else f"part {part + 1} of {draft.parts}"
            request = SendPart(
                turn=turn,
                draft_id=draft.draft_id,
                part=part,
                message_id=self._next_message_id(),
            )
            self._show(f"sending {part_name}")
            sent = await self._send_part(request, f"send {part_name}")
            if sent is not None and sent.outcome == "uncertain":
                sent = await self._settle(request, sent, part_name)
            if sent is None or sent.outcome == "rejected":
                workflow.logger.warning("a part of the reply was not sent")
                return

    async def _send_part(self, request: SendPart, summary: str) -> SentPart | None:
        try:
            return await steps.send(request, summary=summary)
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            return None

    async def _settle(self, request: SendPart, sent: SentPart, name: str) -> SentPart | None:
        """Nobody knows whether Meta took the message: its status webhook tells, or the policy."""
        self._show(f"uncertain whether {name} arrived: waiting for its status")
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: request.message_id in self._settled,
                timeout=timedelta(seconds=sent.settle_seconds),
                timeout_summary=f"status of {name}",
            )
        decided = await steps.settle(
            SettleUncertain(conversation=self._conversation, message_id=request.message_id),
            summary=f"decide on {name}",
        )
        if decided.decision == "resend":
            return await self._send_part(
                request.model_copy(update={"resend": True}), f"send {name} once more"
            )
        return SentPart(outcome="sent" if decided.decision == "settled" else "uncertain")

    def _should_continue_as_new(self) -> bool:
        info = workflow.info()
        return (
            info.is_continue_as_new_suggested()
            or info.is_target_worker_deployment_version_changed()
            or self._turns_per_run == self._turns - self._turns_at_start
        )

    async def _continue_as_new(self) -> None:
        await self._drain()
        # No await below: whatever has been delivered is in `_pending`, and a signal that races
        # this command makes the server refuse it and run this task again.
        upgrade = workflow.info().is_target_worker_deployment_version_changed()
        workflow.continue_as_new(
            ConversationInput(
                conversation=self._conversation,
                state=CarriedState(
                    seen=tuple(self._seen)[-SEEN_LIMIT:],
                    pending=tuple(self._pending),
                    turns=self._turns,
                    began_ms=self._began_ms,
                    message_count=self._message_count,
                    opened=self._opened,
                    limit=self._limit,
                ),
                turns_per_run=self._turns_per_run,
            ),
            initial_versioning_behavior=(
                workflow.ContinueAsNewVersioningBehavior.AUTO_UPGRADE if upgrade else None
            ),
        )

    async def _drain(self) -> None:
        """Let handlers and receipts end: a run that ends takes its open activities with it."""
        await workflow.wait_condition(
            lambda: workflow.all_handlers_finished() and all(r.done() for r in self._receipts)
        )
        self._receipts.clear()

    def _turn_id(self) -> TurnId:
        """Unique for ever: a conversation that closed and opened again has another first run."""
        return TurnId(f"{workflow.info().first_execution_run_id}.{self._turns}")

    def _next_message_id(self) -> MessageId:
        """An id that sorts by time, also after the conversation closed and opened again.

        Not made from the time of now: that differs when a worker dies and another one runs the
        same task again, and a message that was recorded meanwhile would be recorded twice.
        """
        self._message_count += 1
        return MessageId(f"msg_{self._began_ms:012x}{self._message_count:06x}")

    def _show(self, doing: str) -> None:
        """The card that operators see on top of the workflow in Temporal's Web UI."""
        self._doing = doing
        lines = [
            f"**Now:** {doing}",
            f"**Turns:** {self._turns}",
            f"**Messages waiting:** {len(self._pending)}",
        ]
        if self._limit is not None:
            until = f"{self._limit.until:%Y-%m-%d %H:%M} UTC"
            lines.append(f"**Quota reached:** {self._limit.quota}, until {until}")
        workflow.set_current_details("\n\n".join(lines))
