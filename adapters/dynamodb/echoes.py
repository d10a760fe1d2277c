"""What humans of a business wrote in the WhatsApp Business app, which Meta tells by an echo."""

from contextlib import suppress

from adapters.dynamodb import keys
from adapters.dynamodb.inbound import MAX_TEXT, RECEIVED_KEPT
from adapters.dynamodb.outbox import Outbox
from adapters.dynamodb.table import ConditionFailed, Table
from adapters.dynamodb.usage import usage_attributes
from adapters.dynamodb.values import Plain, utc_now
from contracts.conversation import ConversationRef, EchoedMessage, RecordEcho
from domain.usage import outbound_message


class Echoes:
    def __init__(self, table: Table, outbox: Outbox) -> None:
        self._table = table
        self._outbox = outbox

    async def has(self, conversation: ConversationRef, echo: EchoedMessage) -> bool:
        """Whether it is in the transcript, as one that Meta tells of once more is."""
        return await self._table.get(_received(conversation, echo)) is not None

    async def record(self, request: RecordEcho) -> None:
        """Write it into the transcript. Once, as often as Meta tells of it.

        Statuses that come for it find it by its id at Meta, also those that have come already.
        """
        ref, echo, now = request.conversation, request.echo, utc_now()
        try:
            await self._table.put(
                _received(ref, echo),
                {
                    "turn_id": request.turn_id,
                    "message_id": request.message_id,
                    "expires_at": int((now + RECEIVED_KEPT).timestamp()),
                },
                condition="attribute_not_exists(pk) OR message_id = :message_id",
                condition_values={"message_id": request.message_id},
            )
        except ConditionFailed:
            return  # Another run of the conversation has had it.
        message: Plain = {
            "direction": "outbound",
            "sender": "operator",
            "type": echo.type,
            "text": echo.text[:MAX_TEXT] if echo.text is not None else None,
            "media": echo.media.model_dump_json() if echo.media else None,
            "turn_id": request.turn_id,
            "send_state": "sent",
            "created_at": now,
            **usage_attributes(
                outbound_message(ref.channel_id, echo.type),
                organization_id=ref.organization_id,
                at=now,
            ),
        }
        with suppress(ConditionFailed):  # Statuses may have come since an earlier attempt.
            await self._table.put(
                keys.message(ref.organization_id, ref.conversation_id, request.message_id),
                message,
                condition="attribute_not_exists(pk)",
            )
        await self._outbox.mark_sent(
            ref,
            message_id=request.message_id,
            whatsapp_message_id=echo.whatsapp_message_id,
        )


def _received(conversation: ConversationRef, echo: EchoedMessage) -> keys.Key:
    return keys.received(
        conversation.organization_id, conversation.conversation_id, echo.whatsapp_message_id
    )
