"""Sends a reply part by part, and waits for word of a part whose fate is uncertain."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

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
    )
    from contracts.ids import MessageId


class Sending:
    def __init__(
        self, *, next_message_id: Callable[[], MessageId], show: Callable[[str], None]
    ) -> None:
        """
        Args:
            next_message_id: makes an id for each part.
            show: told what is being done, for operators.
        """
        self._next_message_id = next_message_id
        self._show = show
        self._settled: dict[MessageId, str] = {}

    def settle(self, settled: SettledSend) -> None:
        """Take in what a status webhook told of a message of ours."""
        self._settled[settled.message_id] = settled.status

    async def send(self, turn: Turn, draft: DraftedReply, *, name: str = "the reply") -> None:
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
                sent = await self._await_fate(request, sent, part_name)
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

    async def _await_fate(self, request: SendPart, sent: SentPart, name: str) -> SentPart | None:
        """Nobody knows whether Meta took the message: its status webhook tells, or the policy."""
        self._show(f"uncertain whether {name} arrived: waiting for its status")
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: request.message_id in self._settled,
                timeout=timedelta(seconds=sent.settle_seconds),
                timeout_summary=f"status of {name}",
            )
        decided = await steps.settle(
            SettleUncertain(conversation=request.turn.conversation, message_id=request.message_id),
            summary=f"decide on {name}",
        )
        if decided.decision == "resend":
            return await self._send_part(
                request.model_copy(update={"resend": True}), f"send {name} once more"
            )
        return SentPart(outcome="sent" if decided.decision == "settled" else "uncertain")
