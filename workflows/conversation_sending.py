"""Sends a reply part by part, and waits for word of a part whose fate is uncertain."""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from workflows import conversation_steps as steps

with workflow.unsafe.imports_passed_through():
    from contracts.conversation import (
        DraftedReply,
        SendPart,
        SentPart,
        SettledSend,
        SettleUncertain,
        Turn,
        WithdrawPart,
    )
    from contracts.ids import MessageId, TurnId
    from domain.graph_errors import Verdict, behaviour_of, verdict_of_failure
    from domain.pacing import after_one, wait_before_next

REPLIES_REMEMBERED: Final = 50
"""Whose late failures the assistant acts on."""


def _never() -> bool:
    return False


@dataclass(frozen=True)
class Refusal:
    """A message that Meta did not take."""

    turn_id: TurnId
    name: str
    code: int | None

    def __str__(self) -> str:
        known = behaviour_of(self.code)
        code = "" if self.code is None else f" (Meta's code {self.code})"
        if known is None:
            return f"{self.name}{code}"
        return f"{self.name}. {known.meaning.rstrip('.')}{code}. {known.what_to_do}"


class Sending:
    def __init__(
        self,
        *,
        whole_at: int,
        paced: bool,
        next_message_id: Callable[[], MessageId],
        show: Callable[[str], None],
    ) -> None:
        """
        Args:
            whole_at: the person's allowance, as an earlier run has left it.
            paced: whether it is kept to.
            next_message_id: makes an id for each part.
            show: told what is being done, for operators.
        """
        self._paced = paced
        self._next_message_id = next_message_id
        self._show = show
        self._replies: deque[MessageId] = deque(maxlen=REPLIES_REMEMBERED)
        self.window_has_closed = False
        """Meta took a reply, and said later that the service window was closed."""
        self._settled: dict[MessageId, str] = {}
        self.in_progress = False
        """A message of the assistant is being handed over to Meta now."""
        self.whole_at = whole_at
        """The person's allowance, as `domain.pacing` keeps it."""
        self.refusal: Refusal | None = None
        """What Meta did not take, of the turn that sent something last."""
        self._uncertain: set[MessageId] = set()

    @property
    def uncertain(self) -> int:
        """Messages of this run of which nobody knows yet whether they arrived."""
        return len(self._uncertain)

    def settle(self, settled: SettledSend) -> None:
        """Take in what a status webhook told of a message of ours."""
        self._settled[settled.message_id] = settled.status
        if settled.status == "failed" and settled.message_id in self._replies:
            verdict = verdict_of_failure(settled.error_code)
            self.window_has_closed |= verdict is Verdict.NEEDS_TEMPLATE
        self._uncertain.discard(settled.message_id)

    async def send(
        self,
        turn: Turn,
        draft: DraftedReply,
        *,
        name: str = "the reply",
        silenced: Callable[[], bool] = _never,
    ) -> SentPart | None:
        """Send the parts in order; what became of the last one that was tried.

        A part that was rejected ends the reply: the rest would read as if something were missing.
        So does a human who takes over: a part that Meta has not got yet is withdrawn.

        Args:
            name: of the reply, for operators.
            silenced: whether the assistant must not send any more.
        """
        sent: SentPart | None = None
        for part in range(draft.parts):
            if silenced():
                return None
            part_name = name if draft.parts == 1 else f"part {part + 1} of {draft.parts} of {name}"
            request = SendPart(
                turn=turn,
                draft_id=draft.draft_id,
                part=part,
                message_id=self._next_message_id(),
            )
            self._replies.append(request.message_id)
            sent = await self._send(request, part_name, silenced)
            if sent is None or sent.outcome == "rejected":
                if not silenced():
                    workflow.logger.warning("a part of the reply was not sent")
                return sent
        return sent

    async def send_one(self, turn: Turn, draft_id: str, message_id: MessageId) -> SentPart | None:
        """Send an operator's message, under the id that was promised to them."""
        request = SendPart(turn=turn, draft_id=draft_id, part=0, message_id=message_id)
        return await self._send(request, "an operator's message", _never)

    async def _send(
        self, request: SendPart, name: str, silenced: Callable[[], bool]
    ) -> SentPart | None:
        await self._keep_pace(name, silenced)
        if silenced():
            return None
        self._show(f"sending {name}")
        sent = await self._send_part(request, f"send {name}", silenced)
        if sent is not None and sent.outcome == "uncertain":
            sent = await self._await_fate(request, sent, name, silenced)
        self._note(request, sent, name)
        return sent

    def _note(self, request: SendPart, sent: SentPart | None, name: str) -> None:
        """Keep what was refused for operators to see, until another turn has sent something."""
        turn_id = request.turn.turn_id
        if sent is not None and sent.outcome == "rejected":
            self.refusal = Refusal(turn_id=turn_id, name=name, code=sent.error_code)
        elif self.refusal is not None and self.refusal.turn_id != turn_id:
            self.refusal = None

    async def _keep_pace(self, name: str, silenced: Callable[[], bool]) -> None:
        """Wait until Meta takes one more message to this person, and note that it goes now."""
        if not self._paced:
            return
        pause = wait_before_next(self.whole_at, now=workflow.now())
        if pause:
            self._show(f"holding {name} back: this person has got as many as Meta allows")
            with suppress(TimeoutError):
                await workflow.wait_condition(
                    silenced, timeout=pause, timeout_summary="pair limit of Meta's"
                )
        self.whole_at = after_one(self.whole_at, now=workflow.now())

    async def _send_part(
        self, request: SendPart, summary: str, silenced: Callable[[], bool]
    ) -> SentPart | None:
        sending = steps.start_send(request, summary=summary)
        self.in_progress = silenced is not _never
        try:
            if silenced is not _never:
                await workflow.wait_condition(lambda: sending.done() or silenced())
                if not sending.done():
                    sending.cancel()
            return await sending
        except ActivityError as error:
            if silenced():
                await steps.withdraw(
                    WithdrawPart(
                        conversation=request.turn.conversation, message_id=request.message_id
                    )
                )
            elif is_cancelled_exception(error):
                raise
            return None
        finally:
            self.in_progress = False

    async def _await_fate(
        self, request: SendPart, sent: SentPart, name: str, silenced: Callable[[], bool]
    ) -> SentPart | None:
        """Nobody knows whether Meta took the message: its status webhook tells, or the policy."""
        self._uncertain.add(request.message_id)
        self._show(
            f"uncertain whether {name} arrived: waiting {sent.settle_seconds:g} s for its status,"
            " then the organisation's policy decides"
        )
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: request.message_id in self._settled or silenced(),
                timeout=timedelta(seconds=sent.settle_seconds),
                timeout_summary=f"no answer from Meta: waiting for the status of {name}",
            )
        if silenced():
            # Nothing is sent again behind a human's back; a later status still settles it.
            return SentPart(outcome="uncertain")
        decided = await steps.settle(
            SettleUncertain(conversation=request.turn.conversation, message_id=request.message_id),
            summary=f"decide on {name}",
        )
        if decided.decision == "settled":
            self._uncertain.discard(request.message_id)
            return SentPart(outcome="sent")
        if decided.decision == "resend":
            again = request.model_copy(update={"resend": True})
            sent_again = await self._send_part(
                again, f"send {name} once more: no status came", silenced
            )
            if sent_again is not None and sent_again.outcome == "sent":
                self._uncertain.discard(request.message_id)
            return sent_again
        return SentPart(outcome="uncertain")
