"""What happens in an organisation and may be told to its own systems by outbound webhooks."""

from datetime import datetime
from typing import Literal

from contracts.ids import ConversationId, EventId, MessageId, OrganizationId
from contracts.model import Contract

HappeningType = Literal[
    "message.received",
    "message.sent",
    "message.status",
    "conversation.handoff",
    "conversation.taken_over",
    "conversation.released",
    "conversation.closed",
    "usage.limit_reached",
]
"""What an organisation's own systems may ask to be told of."""

EventType = Literal[HappeningType, "webhook.test"]


class BusinessEvent(Contract):
    """One thing that happened, by ids: what a message says is read when the event is delivered."""

    id: EventId
    """Made of what happened, so that whoever tells of it again tells of the same."""
    type: EventType
    organization_id: OrganizationId
    conversation_id: ConversationId | None = None
    """Events of one conversation are delivered in their order."""
    message_id: MessageId | None = None
    occurred_at: datetime
    data: dict[str, str | int | None]
    """The rest, without contents: a status, a reason, a quota."""
