"""Who has a conversation, and what humans of the business wrote in it by other means."""

from datetime import datetime, timedelta

from temporalio import activity

from adapters.dynamodb.conversations import Conversations
from adapters.dynamodb.echoes import Echoes
from adapters.dynamodb.outbox import Outbox
from adapters.dynamodb.values import utc_now
from adapters.events import Tell, tell_nobody
from adapters.postgres.assistant_profiles import AssistantProfiles
from contracts.conversation import (
    ChangedStatus,
    ChangeStatus,
    ConversationRef,
    Handoff,
    RecordEcho,
    Turn,
    WithdrawPart,
)
from domain.business_events import conversation_event


class DeskActivities:
    def __init__(
        self,
        *,
        conversations: Conversations,
        outbox: Outbox,
        echoes: Echoes,
        profiles: AssistantProfiles,
        tell: Tell = tell_nobody,
    ) -> None:
        self._tell = tell
        self._conversations = conversations
        self._outbox = outbox
        self._echoes = echoes
        self._profiles = profiles

    @activity.defn(name="change_status")
    async def change_status(self, request: ChangeStatus) -> ChangedStatus:
        """Note who has the conversation; tell when the assistant returns by itself."""
        returns_at = None
        if request.handoff is not None:
            returns_at = await self._returns_at(request.conversation, request.handoff)
            handoff = request.handoff.model_copy(update={"returns_at": returns_at})
            request = request.model_copy(update={"handoff": handoff})
        await self._conversations.change_status(request)
        await self._tell(conversation_event(request, occurrence=_occurrence(request), at=utc_now()))
        return ChangedStatus(returns_at=returns_at)

    @activity.defn(name="close_conversation")
    async def close_conversation(self, turn: Turn) -> None:
        """Note in the conversation's record that it is over."""
        await self._conversations.close(turn.conversation)
        change = ChangeStatus(conversation=turn.conversation, status="closed")
        await self._tell(conversation_event(change, occurrence=turn.turn_id, at=utc_now()))

    @activity.defn(name="record_echo")
    async def record_echo(self, request: RecordEcho) -> None:
        """Write a reply typed in the WhatsApp Business app into the transcript, once."""
        await self._echoes.record(request)

    @activity.defn(name="withdraw_part")
    async def withdraw_part(self, request: WithdrawPart) -> None:
        """Give up a part that Meta has not got: a human has taken over."""
        await self._outbox.withdraw(request.conversation, message_id=request.message_id)

    async def _returns_at(self, ref: ConversationRef, handoff: Handoff) -> datetime | None:
        try:
            profile = await self._profiles.for_channel(ref.organization_id, ref.channel_id)
        except LookupError:
            return None  # The channel is gone: there is nothing to return to.
        seconds = profile.handoff.return_seconds
        if seconds is None:
            return None
        return (handoff.human_at or handoff.since) + timedelta(seconds=seconds)


def _occurrence(request: ChangeStatus) -> str:
    """A human who goes on writing is no news; that the assistant is back is news each time."""
    handoff = request.handoff
    if handoff is not None:
        operator = handoff.operator.api_key_id if handoff.operator else ""
        return f"{handoff.since.isoformat()}/{operator}"
    info = activity.info()
    return f"{info.workflow_run_id}/{info.activity_id}"
