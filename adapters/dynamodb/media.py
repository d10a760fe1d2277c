"""What became of the files that people sent, on the messages that brought them."""

from collections.abc import Sequence
from typing import Final

from adapters.dynamodb import keys
from adapters.dynamodb.messages import MediaReading, StoredFile, StoredMessage, message_from
from adapters.dynamodb.table import ConditionFailed, Table
from adapters.dynamodb.usage import EMBEDDING_KEPT, usage_attributes
from adapters.dynamodb.values import utc_now
from contracts.conversation import ConversationRef
from contracts.ids import MessageId
from domain.usage import transcription

KEYS_PER_READ: Final = 100
"""BatchGetItem takes no more (DynamoDB's API reference)."""

_NAMES: Final = {"#text": "text", "#file": "file", "#reading": "reading"}
"""Two of them are reserved words of DynamoDB's."""


class MessageMedia:
    """Writes beside a message that is there, and never makes one: it may have been erased."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def messages(
        self, conversation: ConversationRef, message_ids: Sequence[MessageId]
    ) -> list[StoredMessage]:
        """Those that are there and came with a file, in the order of their ids."""
        wanted = [
            keys.message(conversation.organization_id, conversation.conversation_id, message_id)
            for message_id in message_ids
        ]
        found: list[StoredMessage] = []
        for start in range(0, len(wanted), KEYS_PER_READ):
            items = await self._table.get_many(wanted[start : start + KEYS_PER_READ])
            found += [message_from(item, conversation.conversation_id) for item in items.values()]
        return sorted((one for one in found if one.media is not None), key=lambda one: one.id)

    async def keep_file(
        self, conversation: ConversationRef, message_id: MessageId, file: StoredFile
    ) -> None:
        """Note that the file is stored: it need not be fetched again."""
        await self._change(
            conversation, message_id, "SET #file = :file", {"file": file.model_dump_json()}
        )

    async def keep_reading(
        self,
        conversation: ConversationRef,
        message_id: MessageId,
        reading: MediaReading,
        *,
        text: str,
    ) -> bool:
        """Note how it was read, once and for all; whether this call did.

        Args:
            text: what the message says from now on.
        """
        return await self._change(
            conversation,
            message_id,
            "SET #reading = :reading, #text = :text",
            {"reading": reading.model_dump_json(exclude_none=True), "text": text},
        )

    async def keep_placeholder(
        self, conversation: ConversationRef, message_id: MessageId, text: str
    ) -> None:
        """Say what cannot be told yet. A later attempt may still read it."""
        await self._change(conversation, message_id, "SET #text = :text", {"text": text})

    async def record_transcription(
        self,
        conversation: ConversationRef,
        message_id: MessageId,
        *,
        model: str,
        input_tokens: int,
        output_tokens: int,
        seconds: int,
    ) -> None:
        """Note what a recording cost to write down, once for a message."""
        now = utc_now()
        used = transcription(
            conversation.channel_id,
            model,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            seconds=seconds,
        )
        once = {
            **usage_attributes(used, organization_id=conversation.organization_id, at=now),
            "expires_at": int((now + EMBEDDING_KEPT).timestamp()),
        }
        await self._table.update(
            keys.transcription(
                conversation.organization_id, conversation.conversation_id, message_id
            ),
            "SET " + ", ".join(f"{name} = if_not_exists({name}, :{name})" for name in once),
            once,
        )

    async def _change(
        self,
        conversation: ConversationRef,
        message_id: MessageId,
        expression: str,
        values: dict[str, str],
    ) -> bool:
        key = keys.message(conversation.organization_id, conversation.conversation_id, message_id)
        try:
            await self._table.update(
                key,
                expression,
                dict(values),
                condition="attribute_exists(pk) AND attribute_not_exists(#reading)",
                names={
                    name: attribute
                    for name, attribute in _NAMES.items()
                    if name in expression or name == "#reading"
                },
            )
        except ConditionFailed:
            return False
        return True
