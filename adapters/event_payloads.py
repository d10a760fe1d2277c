"""What an endpoint is told of an event: read at the moment of delivery, so that nothing else keeps
what was said."""

import json
from typing import Any

from adapters.dynamodb import keys
from adapters.dynamodb.messages import StoredMessage, message_from
from adapters.dynamodb.table import Table
from adapters.dynamodb.values import timestamp
from contracts.events import BusinessEvent
from contracts.ids import parties_of


class EventPayloads:
    """Puts an event and what it is about into one JSON document."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def of(self, event: BusinessEvent) -> str | None:
        """The document; None when the message that it is about is not stored any more."""
        data: dict[str, Any] = dict(event.data)
        if event.conversation_id is not None:
            channel_id, person_id = parties_of(event.conversation_id)
            data |= {
                "conversation_id": event.conversation_id,
                "channel_id": channel_id,
                "whatsapp_user_id": person_id,
            }
        if event.message_id is not None:
            message = await self._message(event)
            if message is None:
                return None
            data["message"] = _shown(message)
        return json.dumps(
            {
                "id": event.id,
                "type": event.type,
                "created_at": timestamp(event.occurred_at),
                "organization_id": event.organization_id,
                "data": data,
            },
            ensure_ascii=False,
            separators=(",", ":"),
        )

    async def _message(self, event: BusinessEvent) -> StoredMessage | None:
        if event.conversation_id is None or event.message_id is None:
            return None
        item = await self._table.get(
            keys.message(event.organization_id, event.conversation_id, event.message_id)
        )
        return None if item is None else message_from(item, event.conversation_id)


def _shown(message: StoredMessage) -> dict[str, Any]:
    """As the API shows a message, without what only the making of an answer needs."""
    shown = message.model_dump(
        mode="json",
        include={
            "id", "direction", "sender", "type", "text", "media", "status", "error", "citations",
            "whatsapp_message_id", "in_reply_to", "created_at", "sent_at", "turn_id",
        },
    )  # fmt: skip
    return shown
