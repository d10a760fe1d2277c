"""Ready-made conversations, messages and turns with ids of their own."""

import itertools
import time
from datetime import UTC, datetime

from contracts.conversation import (
    ConversationRef,
    InboundMessage,
    InboundRecord,
    RecordInbound,
    Turn,
)
from contracts.ids import (
    ChannelId,
    MessageId,
    OrganizationId,
    PersonId,
    TurnId,
    conversation_id,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


_count = itertools.count()


def an_id(prefix: str) -> str:
    """Shaped like a real one; each sorts after the one before, also within a millisecond."""
    return f"{prefix}_{time.time_ns():020d}{next(_count):06d}"


def an_organization() -> OrganizationId:
    return OrganizationId(an_id("org"))


def a_conversation(
    organization_id: OrganizationId | None = None,
    *,
    channel_id: ChannelId | None = None,
    person_id: PersonId | None = None,
) -> ConversationRef:
    channel_id = channel_id or ChannelId(an_id("chn"))
    person_id = person_id or PersonId(an_id("wau"))
    return ConversationRef(
        organization_id=organization_id or an_organization(),
        channel_id=channel_id,
        person_id=person_id,
        conversation_id=conversation_id(channel_id, person_id),
    )


def a_turn(conversation: ConversationRef) -> Turn:
    return Turn(conversation=conversation, turn_id=TurnId(an_id("turn")), message_ids=[])


def a_record(
    text: str = "Hello", *, wamid: str | None = None, sent_at: datetime = NOON
) -> InboundRecord:
    return InboundRecord(
        message_id=MessageId(an_id("msg")),
        message=InboundMessage(
            whatsapp_message_id=wamid or an_id("wamid"),
            type="text",
            reply="answer",
            text=text,
            sent_at=sent_at,
        ),
    )


def a_request(
    conversation: ConversationRef,
    *records: InboundRecord,
    opening: bool = False,
    turn_id: TurnId | None = None,
) -> RecordInbound:
    return RecordInbound(
        conversation=conversation,
        turn_id=turn_id or TurnId(an_id("turn")),
        messages=list(records),
        opening=opening,
    )
