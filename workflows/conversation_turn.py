"""One turn of the assistant: record what came in, write the reply, send it.

A newer message cancels the running generation and joins its batch; a human who takes over cancels
everything. The send is the point of no return.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, FailureError, is_cancelled_exception

from workflows import conversation_steps as steps
from workflows.conversation_background import Background
from workflows.conversation_desk import Desk
from workflows.conversation_inbox import Inbox
from workflows.conversation_sending import Sending

with workflow.unsafe.imports_passed_through():
    from contracts.conversation import (
        CannedKind,
        ConsentChange,
        ConversationRef,
        DraftedReply,
        GenerateReply,
        HandoffReason,
        InboundRecord,
        PreparedKind,
        RecordInbound,
        Turn,
        WriteReply,
    )
    from contracts.ids import MessageId, TurnId
    from contracts.quotas import ReachedLimit

MAX_SUPERSEDES = 3
"""So often may newer messages restart a reply; after that it is sent and they start a turn."""

T = TypeVar("T")


class _Superseded(Exception):
    """A newer message came in before the reply was ready."""


class _Silenced(Exception):
    """A human took over before the reply was ready."""


@dataclass
class _Taking:
    """What is known of the turn that is being taken."""

    batch: list[InboundRecord]
    """Messages that it answers, in order."""
    first_contact: bool = False
    trace_id: str = ""
    limit: ReachedLimit | None = None
    handoff: HandoffReason | None = None
    consent: ConsentChange | None = None

    @property
    def asking(self) -> list[InboundRecord]:
        return [record for record in self.batch if record.message.reply != "none"]


class Turns:
    """Takes turns, one after the other."""

    def __init__(
        self,
        conversation: ConversationRef,
        *,
        inbox: Inbox,
        desk: Desk,
        sending: Sending,
        background: Background,
        count: int,
        opened: bool,
        limit: ReachedLimit | None,
        protocol: int,
        next_message_id_for: Callable[[str], MessageId],
        show: Callable[[str], None],
    ) -> None:
        """
        Args:
            count: turns that earlier runs have taken.
            opened: an earlier run has recorded something.
            limit: that the last messages were beyond.
            next_message_id_for: makes ids of messages, given those that they have at Meta.
            show: told what is being done, for operators.
        """
        self.count = count
        self._has_reopened = False
        """The template has gone out, and the person has not written since."""
        self.retold = False
        """Something that was said has been edited or deleted since anybody last asked."""
        self.opened = opened
        self.limit = limit
        self._background = background
        self._conversation = conversation
        self._inbox = inbox
        self._desk = desk
        self._sending = sending
        self._protocol = protocol
        self._next_message_id_for = next_message_id_for
        self._show = show

    def id(self) -> TurnId:
        """Unique for ever: a conversation that closed and opened again has another first run."""
        return TurnId(f"{workflow.info().first_execution_run_id}.{self.count}")

    async def record_for_human(self) -> None:
        """Write down what came in; it is a human's to answer."""
        taken = _Taking([])
        await self._record_into(taken)
        self._desk.keep_unanswered(taken.batch)
        if self._protocol >= 2 and any(record.message.media for record in taken.batch):
            self._background.read_files(self._turn(taken))
        self.count += 1

    async def announce_human(self) -> None:
        """Tell the person, in the assistant's words, that a human is here now."""
        await self._say_unasked("taken_over", silenced=lambda: False)

    async def reopen(self) -> None:
        """Ask the person to write again, once, if the assistant has a template for it."""
        if self._has_reopened:
            return
        self._has_reopened = True
        await self._say_unasked("reopening", silenced=self._is_silenced)

    async def _say_unasked(self, kind: PreparedKind, *, silenced: Callable[[], bool]) -> None:
        """Send a prepared text that answers no message."""
        turn = Turn(conversation=self._conversation, turn_id=self.id(), message_ids=[])
        try:
            draft = await steps.draft_canned(turn, kind)
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
            workflow.logger.error("there is nobody left to speak as: the channel is gone")
            return
        await self._sending.send(turn, draft, name=steps.prepared(kind), silenced=silenced)

    async def take(self, let_burst_settle: Callable[[], Awaitable[None]]) -> None:
        """Answer what is in the inbox, and what waited for a human who did not come."""
        taken = _Taking(self._desk.take_unanswered())
        answered = False
        for attempt in range(MAX_SUPERSEDES + 1):
            if self._inbox:
                await self._record_into(taken)
            if self._desk.silences or not taken.asking:
                break
            try:
                await self._answer(taken, may_be_superseded=attempt < MAX_SUPERSEDES)
                answered = True
            except _Superseded:
                await let_burst_settle()
                continue
            except _Silenced:
                workflow.logger.info("a human has taken over: the assistant says nothing more")
            except FailureError as error:  # what a local activity failed with, itself
                if is_cancelled_exception(error):
                    raise
                workflow.logger.error("there is nobody left to answer as: the channel is gone")
            break
        if self._desk.silences and not answered:
            self._desk.keep_unanswered(taken.batch)
        if taken.limit is not None and taken.limit.tell and not self._desk.silences:
            await self._tell(taken.limit, taken.trace_id)
        if taken.batch or taken.limit:
            self.count += 1

    async def _record_into(self, taken: _Taking) -> None:
        arrived = self._inbox.take()
        self._show(f"recording {steps.counted(len(arrived), 'message')}")
        records = [
            InboundRecord(
                message_id=self._next_message_id_for(received.message.whatsapp_message_id),
                message=received.message,
            )
            for received in arrived
        ]
        recorded = await steps.record(
            RecordInbound(
                conversation=self._conversation,
                turn_id=self.id(),
                messages=records,
                opening=not self.opened,
            )
        )
        self.opened = True
        self._has_reopened = False
        self.limit = recorded.limit
        fresh = set(recorded.fresh)
        if recorded.limit is not None:
            fresh -= set(recorded.limit.refused)
            if taken.limit is None or recorded.limit.tell:
                taken.limit = recorded.limit
        if recorded.handoff_rules is not None:
            self._desk.rules = recorded.handoff_rules
        if recorded.held is not None:
            self._desk.hold(recorded.held)
        taken.trace_id = taken.trace_id or arrived[0].trace_id
        taken.first_contact = taken.first_contact or recorded.first_contact
        self.retold |= any(record.message.type in ("edit", "revoke") for record in records)
        for record in records:
            kept = recorded.renamed.get(record.message_id, record.message_id)
            if kept in fresh:
                taken.batch.append(InboundRecord(message_id=kept, message=record.message))
        taken.handoff = taken.handoff or recorded.handoff
        taken.consent = recorded.consent or taken.consent

    async def _answer(self, taken: _Taking, *, may_be_superseded: bool) -> None:
        """Have the reply written and sent.

        Raises:
            _Superseded: a newer message came in before there was a reply.
            _Silenced: a human took over before all of it was sent.
            FailureError: the channel is gone.
        """
        turn, asking = self._turn(taken), taken.asking
        if taken.handoff is not None:
            await self._say(turn, "handoff", asking[-1])
            self._desk.hand_off(taken.handoff)
            return
        if taken.consent is not None and len(asking) == 1:
            await self._say(turn, taken.consent, asking[-1])
            return
        draft, failed = await self._draft(turn, asking, may_be_superseded=may_be_superseded)
        name = steps.prepared("fallback") if failed else "the reply"
        sent = await self._sending.send(turn, draft, name=name, silenced=self._is_silenced)
        if self._desk.silences:
            if sent is None:
                raise _Silenced
            return  # All of it was sent: it is answered, and a human sees to the rest.
        if sent is not None and sent.window_closed:
            # They wrote long ago.
            await self.reopen()
        if taken.consent is not None:
            await self._say(turn, taken.consent, asking[-1])
        reason = self._desk.turn_ended(failed=failed, answered=draft.answered)
        if draft.handoff is not None:
            self._desk.hand_off(draft.handoff)
        elif reason is not None:
            await self._say(turn, "handoff", asking[-1])
            self._desk.hand_off(reason)

    def _turn(self, taken: _Taking) -> Turn:
        return Turn(
            conversation=self._conversation,
            turn_id=self.id(),
            message_ids=[record.message_id for record in taken.batch],
            trace_id=taken.trace_id,
            first_contact=taken.first_contact,
        )

    async def _say(self, turn: Turn, kind: PreparedKind, newest: InboundRecord) -> None:
        """Send one of the assistant's prepared texts."""
        draft = await steps.draft_canned(turn, kind, mark_read=newest.message.whatsapp_message_id)
        await self._sending.send(turn, draft, name=steps.prepared(kind), silenced=self._is_silenced)

    async def _tell(self, limit: ReachedLimit, trace_id: str) -> None:
        """Say once that more is not answered now. Nothing is looked up or written for it."""
        turn = Turn(
            conversation=self._conversation,
            turn_id=self.id(),
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
        name = f"word of the quota {limit.quota}"
        await self._sending.send(turn, draft, name=name, silenced=self._is_silenced)

    async def _draft(
        self, turn: Turn, asking: list[InboundRecord], *, may_be_superseded: bool
    ) -> tuple[DraftedReply, bool]:
        """The reply, and whether it is only the fallback."""
        newest = asking[-1].message
        wamid = newest.whatsapp_message_id
        if all(record.message.reply == "acknowledge" for record in asking):
            welcome = newest.type == "request_welcome"
            kind: CannedKind = "welcome" if welcome else "acknowledgement"
            if self._protocol < 2:
                self._background.mark_read(turn, wamid, typing=False)
                return await steps.draft_canned(turn, kind), False
            return await steps.draft_canned(turn, kind, mark_read=wamid), False
        try:
            if self._protocol < 2:
                return await self._look_up_and_write(
                    turn, wamid, may_be_superseded=may_be_superseded
                ), False
            if not await self._is_understood(turn, asking, may_be_superseded=may_be_superseded):
                draft = await steps.draft_canned(turn, "acknowledgement", mark_read=wamid)
                return draft, False
            self._show("writing a reply")
            return await self._unless_interrupted(
                steps.start_writing(WriteReply(turn=turn, mark_read=wamid)), may_be_superseded
            ), False
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            workflow.logger.warning("no reply could be generated: the fallback goes out")
            return await steps.draft_canned(turn, "fallback"), True

    async def _is_understood(
        self, turn: Turn, asking: list[InboundRecord], *, may_be_superseded: bool
    ) -> bool:
        """Have files read; whether anything of what asks for an answer says something."""
        if not any(record.message.media for record in asking):
            return True
        self._show("reading files")
        try:
            fetched = await self._unless_interrupted(steps.start_fetching(turn), may_be_superseded)
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            # The placeholders say so, and the model says it on.
            workflow.logger.warning("files could not be read")
            return True
        mute = set(fetched.failed)
        return any(
            record.message.reply == "answer" and record.message_id not in mute for record in asking
        )

    async def _look_up_and_write(
        self, turn: Turn, wamid: str, *, may_be_superseded: bool
    ) -> DraftedReply:
        """As protocol 1 has it: an activity for each."""
        self._show("looking up passages")
        retrieved = await self._unless_interrupted(steps.start_retrieval(turn), may_be_superseded)
        # Not sooner: its end takes a task of the workflow, for which a passage would wait.
        self._background.mark_read(turn, wamid, typing=True)
        self._show("writing a reply")
        return await self._unless_interrupted(
            steps.start_generation(GenerateReply(turn=turn, passages=retrieved.passages)),
            may_be_superseded,
        )

    async def _unless_interrupted(
        self, activity: workflow.ActivityHandle[T], may_be_superseded: bool
    ) -> T:
        """The activity's result. A newer message that asks for a reply cancels it for real, and so
        does a human who takes over."""
        await workflow.wait_condition(
            lambda: (
                activity.done()
                or self._desk.silences
                or (may_be_superseded and self._inbox.asks_for_reply)
            )
        )
        if activity.done() and not self._desk.silences:
            return await activity
        activity.cancel()
        try:
            await activity
        except ActivityError as error:
            if not is_cancelled_exception(error):
                workflow.logger.info("an interrupted activity failed while being cancelled")
        raise _Silenced if self._desk.silences else _Superseded

    def _is_silenced(self) -> bool:
        return self._desk.silences
