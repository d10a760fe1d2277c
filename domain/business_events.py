"""What happened, as the event that an organisation's own systems are told of.

An event's id is made of what happened, so whoever tells of it again, after a crash or because Meta
has delivered again, tells of the same event.
"""

import base64
import hashlib
from datetime import datetime
from typing import Final, Literal

from contracts.conversation import ChangeStatus, ConversationRef
from contracts.events import BusinessEvent, EventType
from contracts.ids import ConversationId, EventId, MessageId, OrganizationId
from contracts.quotas import QuotaName

_ID_BYTES: Final = 16


def event_id(organization_id: OrganizationId, event_type: EventType, *what: object) -> EventId:
    """The one id of this event.

    Args:
        what: tells it from all others of its type in the organisation.
    """
    parts = (organization_id, event_type, *map(str, what))
    digest = hashlib.sha256("\x00".join(parts).encode()).digest()[:_ID_BYTES]
    return EventId(f"evt_{base64.b32encode(digest).decode().rstrip('=')}")


def message_received(
    conversation: ConversationRef, message_id: MessageId, *, at: datetime
) -> BusinessEvent:
    """A person wrote."""
    return _of_message(
        "message.received", conversation.organization_id, conversation.conversation_id, message_id,
        at=at,
    )  # fmt: skip


def message_sent(
    organization_id: OrganizationId,
    conversation_id: ConversationId,
    message_id: MessageId,
    *,
    at: datetime,
) -> BusinessEvent:
    """Meta has taken a message of the assistant's or an operator's."""
    return _of_message("message.sent", organization_id, conversation_id, message_id, at=at)


def message_status(
    organization_id: OrganizationId,
    conversation_id: ConversationId,
    message_id: MessageId,
    *,
    status: Literal["delivered", "read", "failed"],
    error_code: int | None = None,
    at: datetime,
) -> BusinessEvent:
    """A message that was sent has got further, or could not be delivered."""
    event = _of_message(
        "message.status", organization_id, conversation_id, message_id, status, at=at
    )
    return event.model_copy(update={"data": {"status": status, "error_code": error_code}})


def limit_reached(
    conversation: ConversationRef,
    *,
    quota: QuotaName,
    limit: Literal["soft", "hard"],
    window: str,
    until: datetime,
    at: datetime,
) -> BusinessEvent:
    """A quota is used up to a limit, for the first time in its window.

    A person's own quota is told of in their conversation, the organisation's in none.
    """
    person = conversation if quota == "messages_per_person_per_minute" else None
    conversation_id = None if person is None else person.conversation_id
    organization_id = conversation.organization_id
    return BusinessEvent(
        id=event_id(organization_id, "usage.limit_reached", quota, limit, window, conversation_id),
        type="usage.limit_reached",
        organization_id=organization_id,
        conversation_id=conversation_id,
        occurred_at=at,
        data={"quota": quota, "limit": limit, "until": until.isoformat()},
    )


def conversation_event(change: ChangeStatus, *, occurrence: str, at: datetime) -> BusinessEvent:
    """Who has the conversation has changed.

    Args:
        occurrence: tells this change from all others of the conversation, and stays the same when
            the activity that tells of it is repeated: run and activity id, for example.
        at: when it happened.
    """
    event_type = _type_of(change)
    ref, handoff = change.conversation, change.handoff
    data: dict[str, str | int | None] = {"status": change.status}
    if handoff is not None:
        data |= {
            "reason": handoff.reason,
            "since": handoff.since.isoformat(),
            "returns_at": None if handoff.returns_at is None else handoff.returns_at.isoformat(),
            "operator_api_key_id": (
                None if handoff.operator is None else handoff.operator.api_key_id
            ),
        }
    return BusinessEvent(
        id=event_id(ref.organization_id, event_type, ref.conversation_id, occurrence),
        type=event_type,
        organization_id=ref.organization_id,
        conversation_id=ref.conversation_id,
        occurred_at=at,
        data=data,
    )


def trial(organization_id: OrganizationId, *, occurrence: str, at: datetime) -> BusinessEvent:
    """Nothing happened: somebody tries an endpoint."""
    return BusinessEvent(
        id=event_id(organization_id, "webhook.test", occurrence),
        type="webhook.test",
        organization_id=organization_id,
        occurred_at=at,
        data={},
    )


def _type_of(change: ChangeStatus) -> EventType:
    match change.status:
        case "closed":
            return "conversation.closed"
        case "bot":
            return "conversation.released"
        case "human":
            taken = change.handoff is not None and change.handoff.operator is not None
            return "conversation.taken_over" if taken else "conversation.handoff"


def _of_message(
    event_type: EventType,
    organization_id: OrganizationId,
    conversation_id: ConversationId,
    message_id: MessageId,
    *what: str,
    at: datetime,
) -> BusinessEvent:
    return BusinessEvent(
        id=event_id(organization_id, event_type, conversation_id, message_id, *what),
        type=event_type,
        organization_id=organization_id,
        conversation_id=conversation_id,
        message_id=message_id,
        occurred_at=at,
        data={},
    )
