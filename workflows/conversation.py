"""One person's conversation with a business on one WhatsApp number, for as long as it lasts.

Signals and updates only dedupe and append; one loop does all the waiting:

    wait → save who has it → send what operators wrote → let the burst settle → take a turn → wait …

While a human has the conversation, what comes in is recorded and the assistant is silent. The
workflow outlives every failure of an activity: the person then hears the assistant's fallback
message.
"""

import hashlib
from datetime import datetime, timedelta

from temporalio import workflow

from workflows import conversation_steps as steps
from workflows.conversation_alarm import Alarm
from workflows.conversation_background import Background
from workflows.conversation_card import card, idle
from workflows.conversation_desk import WAITING_POSTS, Desk
from workflows.conversation_inbox import Inbox
from workflows.conversation_sending import Sending
from workflows.conversation_turn import Turns

with workflow.unsafe.imports_passed_through():
    from contracts import names
    from contracts.conversation import (
        PROTOCOL,
        AcceptedMessage,
        CarriedState,
        ChangeStatus,
        CloseConversation,
        ConversationInput,
        ConversationSnapshot,
        ConversationState,
        OperatorMessage,
        ReceivedEcho,
        ReceivedMessage,
        RecordEcho,
        RefreshMemory,
        Release,
        SettledSend,
        TakeOver,
        Turn,
    )
    from contracts.ids import MessageId, TurnId, post_turn_id
    from domain.memory import refresh_is_due

BURST_CAP = 5
"""A burst is gathered for at most so many quiet periods after its first message."""

MOST_EVENTS = 3_900
"""Of a run, after a turn. Temporal suggests to continue as new past 4,096, when a turn has yet to
end; recorded runs are far below."""


@workflow.defn(name=names.CONVERSATION_WORKFLOW)
class ConversationWorkflow:
    @workflow.init
    def __init__(self, input: ConversationInput) -> None:
        state = input.state
        self._conversation = input.conversation
        self._protocol = input.protocol
        self._turns_per_run = input.turns_per_run
        self._began_ms = state.began_ms or int(workflow.info().start_time.timestamp() * 1000)
        self._message_count = state.message_count
        self._waits_since = workflow.now()
        self._doing = "waiting for a message"
        self._shown_status = "bot" if state.handoff is None else "human"
        self._inbox = Inbox(seen=state.seen, pending=state.pending)
        self._desk = Desk(state)
        self._alarm = Alarm()
        self._sending = Sending(
            whole_at=state.whole_at,
            paced=self._protocol >= 2,
            next_message_id=self._next_message_id,
            show=self._show,
        )
        self._background = Background()
        self._remembered = state.remembered
        self._turns = Turns(
            self._conversation,
            inbox=self._inbox,
            desk=self._desk,
            sending=self._sending,
            background=self._background,
            count=state.turns,
            opened=state.opened,
            limit=state.limit,
            protocol=self._protocol,
            next_message_id_for=self._next_message_id_for,
            show=self._show,
        )
        self._turns_at_start = state.turns

    @workflow.signal
    def receive_message(self, received: ReceivedMessage) -> None:
        """A person wrote."""
        self._inbox.add(received)

    @workflow.signal
    def receive_echo(self, received: ReceivedEcho) -> None:
        """Somebody of the business wrote in the WhatsApp Business app."""
        if self._inbox.is_new(received.echo.whatsapp_message_id):
            self._desk.echo(received.echo)

    @workflow.signal
    def settle_send(self, settled: SettledSend) -> None:
        """A status webhook told the fate of a message of ours."""
        self._sending.settle(settled)
        self._show(self._doing)

    # Handlers of updates do not wait: what they decide counts at once, and the loop writes it down.

    @workflow.update
    def take_over(self, take: TakeOver) -> ConversationState:
        """From now on the assistant is silent; what it was doing is cancelled, tools too."""
        self._desk.take_over(take.operator)
        return self._state()

    @workflow.update
    def release(self, release: Release) -> ConversationState:
        """The assistant answers again."""
        self._desk.release(release.operator)
        return self._state()

    @workflow.update
    def close(self, close: CloseConversation) -> ConversationState:
        """The conversation is over until the person writes again."""
        self._desk.close(close.operator)
        return self._state()

    @workflow.update
    def send_message(self, post: OperatorMessage) -> AcceptedMessage:
        """Take a message of an operator's in; it is sent in its turn. Once for each `post_id`."""
        known = self._desk.known_post(post.post_id)
        return known or self._desk.post(post, self._next_message_id())

    @send_message.validator
    def _may_send_message(self, post: OperatorMessage) -> None:
        if self._desk.known_post(post.post_id) is None and len(self._desk.posts) >= WAITING_POSTS:
            raise ValueError(f"{WAITING_POSTS} messages wait to be sent: try again later")

    @workflow.query
    def snapshot(self) -> ConversationSnapshot:
        return ConversationSnapshot(
            status=self._desk.status,
            turns=self._turns.count,
            pending=len(self._inbox),
            doing=self._doing,
        )

    @workflow.query
    def state(self) -> ConversationState:
        return self._state()

    @workflow.run
    async def run(self, input: ConversationInput) -> int:  # noqa: ARG002 - taken by __init__
        while True:
            await self._something_happens()
            if self._returns_by_itself():
                self._desk.release(None)
            await self._save_status()
            await self._announce_human()
            await self._record_echoes()
            await self._send_posts()
            await self._reopen()
            if self._is_over() and await self._closed():
                return self._turns.count
            if self._desk.has_human and self._inbox:
                await self._turns.record_for_human()
            elif self._inbox or (self._desk.unanswered and not self._desk.silences):
                await self._let_burst_settle()
                await self._turns.take(self._let_burst_settle)
                self._refresh_memory()
            if self._should_continue_as_new():
                await self._continue_as_new()

    async def _something_happens(self) -> None:
        self._show(idle(self._desk.handoff))
        self._waits_since = workflow.now()
        deadline = self._deadline()
        if self._protocol >= 2:
            self._alarm.set(deadline)
            await workflow.wait_condition(lambda: self._has_work() or self._alarm.is_due)
            return
        try:
            await workflow.wait_condition(
                self._has_work,
                timeout=deadline - workflow.now(),
                timeout_summary="service window (24 h)",
            )
        except TimeoutError:
            return

    def _has_work(self) -> bool:
        return bool(self._inbox) or self._desk.has_work or self._sending.window_has_closed

    def _deadline(self) -> datetime:
        """When something happens by itself: the conversation ends, or the assistant returns."""
        idle_until = self._waits_since + steps.SERVICE_WINDOW
        handoff = self._desk.handoff
        if handoff is None or handoff.returns_at is None:
            return idle_until
        return min(idle_until, handoff.returns_at)

    def _returns_by_itself(self) -> bool:
        handoff = self._desk.handoff
        return (
            handoff is not None
            and handoff.returns_at is not None
            and workflow.now() >= handoff.returns_at
            and not self._desk.posts
        )

    def _is_over(self) -> bool:
        idle = workflow.now() >= self._waits_since + steps.SERVICE_WINDOW
        return self._desk.closing or (idle and not self._has_work())

    async def _closed(self) -> bool:
        """Close, unless a message slips in. No await after the look at the inbox: a signal that
        arrives later makes the server refuse the completion and run this task again."""
        if self._desk.closing and self._inbox:
            # Written before somebody closed the conversation: it belongs to what is closed.
            await self._turns.record_for_human()
        because = "an operator says so" if self._desk.closing else "no message for 24 h"
        # Before it is written down: whoever takes the conversation over meanwhile opens it again.
        self._desk.closed()
        turn = Turn(conversation=self._conversation, turn_id=self._turns.id(), message_ids=[])
        await steps.close(turn, because=because)
        await self._drain()
        self._turns.opened = False
        return not self._has_work()

    async def _save_status(self) -> None:
        """Write down who has the conversation, where operators and their systems look."""
        while self._desk.unsaved:
            desk = self._desk
            desk.unsaved, handoff, by = False, desk.handoff, desk.by
            changed = await steps.change_status(
                ChangeStatus(
                    conversation=self._conversation,
                    status=desk.status,
                    handoff=handoff,
                    by=by,
                )
            )
            desk.written_down(handoff, returns_at=changed.returns_at)
        if self._desk.status != self._shown_status:
            self._shown_status = self._desk.status
            workflow.upsert_search_attributes(
                [names.CONVERSATION_STATUS.value_set(self._shown_status)]
            )

    async def _announce_human(self) -> None:
        if self._desk.announce:
            self._desk.announce = False
            await self._turns.announce_human()

    async def _reopen(self) -> None:
        """A reply came too late: a template goes out instead, unless a human sees to it."""
        if self._sending.window_has_closed:
            self._sending.window_has_closed = False
            if not self._desk.silences:
                await self._turns.reopen()

    async def _record_echoes(self) -> None:
        while self._desk.echoes:
            echo = self._desk.echoes.popleft()
            await steps.record_echo(
                RecordEcho(
                    conversation=self._conversation,
                    turn_id=TurnId(f"{self._turns.id()}.echo"),
                    message_id=self._next_message_id_for(echo.whatsapp_message_id),
                    echo=echo,
                )
            )

    async def _send_posts(self) -> None:
        """Send what operators wrote, in order. What Meta refuses shows on the message."""
        while self._desk.posts:
            posted = self._desk.posts.popleft()
            turn = Turn(
                conversation=self._conversation,
                turn_id=post_turn_id(posted.post.post_id),
                message_ids=[],
            )
            await self._sending.send_one(turn, posted.post.draft_id, posted.message_id)

    async def _let_burst_settle(self) -> None:
        """Wait until the person pauses, so that three quick messages get one answer."""
        if not self._inbox:
            return
        quiet = self._inbox.quiet_seconds
        deadline = workflow.now() + timedelta(seconds=quiet * BURST_CAP)
        while quiet > 0 and workflow.now() < deadline:
            count = len(self._inbox)
            try:
                await workflow.wait_condition(
                    lambda count=count: len(self._inbox) > count or self._desk.silences,  # type: ignore[misc]
                    timeout=timedelta(seconds=quiet),
                    timeout_summary="more to come?",
                )
            except TimeoutError:
                return
            if self._desk.silences:
                return

    def _refresh_memory(self) -> None:
        """Beside the turns: what is too old for a prompt is remembered in a few words, and words
        that were taken back are forgotten."""
        due = refresh_is_due(messages=self._message_count, refreshed_at=self._remembered)
        taken_back = self._turns.retold and self._remembered > 0
        if self._protocol < 2 or self._background.is_remembering or not (due or taken_back):
            return
        self._turns.retold = False
        self._remembered = self._message_count
        self._background.refresh_memory(
            RefreshMemory(conversation=self._conversation, up_to=self._newest_message_id())
        )

    def _should_continue_as_new(self) -> bool:
        info = workflow.info()
        return (
            info.is_continue_as_new_suggested()
            or info.get_current_history_length() >= MOST_EVENTS
            or info.is_target_worker_deployment_version_changed()
            or self._turns_per_run == self._turns.count - self._turns_at_start
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
                    handoff=self._desk.handoff,
                    unanswered=tuple(self._desk.unanswered),
                    posts=tuple(self._desk.posts),
                    posted=self._desk.posted,
                    echoes=tuple(self._desk.echoes),
                    rules=self._desk.rules,
                    counts=self._desk.counts,
                    turns=self._turns.count,
                    began_ms=self._began_ms,
                    message_count=self._message_count,
                    opened=self._turns.opened,
                    remembered=self._remembered,
                    whole_at=self._sending.whole_at,
                    limit=self._turns.limit,
                ),
                protocol=PROTOCOL,
                turns_per_run=self._turns_per_run,
            ),
            initial_versioning_behavior=(
                workflow.ContinueAsNewVersioningBehavior.AUTO_UPGRADE if upgrade else None
            ),
        )

    async def _drain(self) -> None:
        """Let handlers end, and what runs beside the turns."""
        await workflow.wait_condition(
            lambda: workflow.all_handlers_finished() and self._background.is_done
        )

    def _next_message_id(self) -> MessageId:
        """An id that sorts by time, also after the conversation closed and opened again.

        Not made from the time of now: that differs when a worker dies and another one runs the
        same task again, and a message that was recorded meanwhile would be recorded twice.
        """
        self._message_count += 1
        return self._newest_message_id()

    def _next_message_id_for(self, whatsapp_message_id: str) -> MessageId:
        """An id for what came in, that nothing else can have.

        It is written before this task of the workflow counts as done. When a worker dies before
        that, another one runs the task again and may find more that came in meanwhile, an
        operator's message too: the numbers are then given out in another order.
        """
        message_id = self._next_message_id()
        if self._protocol < 2:
            return message_id
        digest = hashlib.blake2s(whatsapp_message_id.encode(), digest_size=3).hexdigest()
        return MessageId(f"{message_id}{digest}")

    def _newest_message_id(self) -> MessageId:
        return MessageId(f"msg_{self._began_ms:012x}{self._message_count:06x}")

    def _state(self) -> ConversationState:
        return ConversationState(status=self._desk.status, sending=self._sending.in_progress)

    def _show(self, doing: str) -> None:
        self._doing = doing
        workflow.set_current_details(
            card(
                doing=doing,
                turns=self._turns.count,
                waiting=len(self._inbox),
                limit=self._turns.limit,
                handoff=self._desk.handoff,
                uncertain=self._sending.uncertain,
                refusal=self._sending.refusal,
            )
        )
