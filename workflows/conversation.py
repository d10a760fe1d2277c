"""One person's conversation with a business on one WhatsApp number, for as long as it lasts.

Signals only dedupe and append; one loop does all the waiting:

    wait for a message → let the burst settle → record → retrieve → generate → send → wait …

A newer message cancels the running generation and joins its batch; the send is the point of no
return. The workflow outlives every failure of an activity: the person then hears the assistant's
fallback message.
"""

from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, FailureError, is_cancelled_exception

from workflows import conversation_steps as steps
from workflows.conversation_card import card
from workflows.conversation_inbox import Inbox
from workflows.conversation_receipts import ReadReceipts
from workflows.conversation_sending import Sending

with workflow.unsafe.imports_passed_through():
    from contracts import names
    from contracts.conversation import (
        CarriedState,
        ConversationInput,
        ConversationSnapshot,
        DraftedReply,
        GenerateReply,
        InboundRecord,
        ReceivedMessage,
        RecordInbound,
        SettledSend,
        Turn,
    )
    from contracts.ids import MessageId, TurnId
    from contracts.quotas import ReachedLimit

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
        self._inbox = Inbox(seen=state.seen, pending=state.pending)
        self._sending = Sending(next_message_id=self._next_message_id, show=self._show)
        self._turns = state.turns
        self._turns_at_start = state.turns
        self._began_ms = state.began_ms or int(workflow.info().start_time.timestamp() * 1000)
        self._message_count = state.message_count
        self._opened = state.opened
        self._limit = state.limit
        self._receipts = ReadReceipts()
        self._doing = "waiting for a message"

    @workflow.signal
    def receive_message(self, received: ReceivedMessage) -> None:
        """A person wrote."""
        self._inbox.add(received)

    @workflow.signal
    def settle_send(self, settled: SettledSend) -> None:
        """A status webhook told the fate of a message of ours."""
        self._sending.settle(settled)

    @workflow.query
    def snapshot(self) -> ConversationSnapshot:
        return ConversationSnapshot(
            status="bot", turns=self._turns, pending=len(self._inbox), doing=self._doing
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
                lambda: bool(self._inbox),
                timeout=steps.SERVICE_WINDOW,
                timeout_summary="service window (24 h)",
            )
        except TimeoutError:
            return False
        return True

    async def _closed(self) -> bool:
        """Close, unless a message slips in. No await after the look at the inbox: a signal that
        arrives later makes the server refuse the completion and run this task again."""
        await steps.close(
            Turn(conversation=self._conversation, turn_id=self._turn_id(), message_ids=[])
        )
        await self._drain()
        self._opened = False
        return not self._inbox

    async def _let_burst_settle(self) -> None:
        """Wait until the person pauses, so that three quick messages get one answer."""
        quiet = self._inbox.quiet_seconds
        deadline = workflow.now() + timedelta(seconds=quiet * BURST_CAP)
        while quiet > 0 and workflow.now() < deadline:
            count = len(self._inbox)
            try:
                await workflow.wait_condition(
                    lambda count=count: len(self._inbox) > count,  # type: ignore[misc]
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
            arrived = self._inbox.take()
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
            await self._sending.send(turn, draft)
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
        await self._sending.send(turn, draft, name="word of the quota")

    async def _draft(
        self, turn: Turn, asking: list[InboundRecord], *, may_be_superseded: bool
    ) -> DraftedReply:
        newest = asking[-1].message
        if all(record.message.reply == "acknowledge" for record in asking):
            self._receipts.start(turn, newest.whatsapp_message_id, typing=False)
            welcome = newest.type == "request_welcome"
            return await steps.draft_canned(turn, "welcome" if welcome else "acknowledgement")
        try:
            self._show("looking up passages")
            retrieved = await self._unless_superseded(
                steps.start_retrieval(turn), may_be_superseded
            )
            # Not sooner: its end takes a task of the workflow, for which a passage would wait.
            self._receipts.start(turn, newest.whatsapp_message_id, typing=True)
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
            lambda: activity.done() or (may_be_superseded and self._inbox.asks_for_reply)
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

    def _should_continue_as_new(self) -> bool:
        info = workflow.info()
        return (
            info.is_continue_as_new_suggested()
            or info.is_target_worker_deployment_version_changed()
            or self._turns_per_run == self._turns - self._turns_at_start
        )

    async def _continue_as_new(self) -> None:
        await self._drain()
        # No await below: whatever has been delivered is in the inbox, and a signal that races
        # this command makes the server refuse it and run this task again.
        upgrade = workflow.info().is_target_worker_deployment_version_changed()
        workflow.continue_as_new(
            ConversationInput(
                conversation=self._conversation,
                state=CarriedState(
                    seen=self._inbox.seen,
                    pending=self._inbox.pending,
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
        """Let handlers and receipts end."""
        await workflow.wait_condition(
            lambda: workflow.all_handlers_finished() and self._receipts.are_done
        )

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
        self._doing = doing
        workflow.set_current_details(
            card(doing=doing, turns=self._turns, waiting=len(self._inbox), limit=self._limit)
        )
