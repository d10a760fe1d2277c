"""Messages of which nobody knows whether they arrived, listed for as long as that is so.

A message enters the index `by_status` in the write that makes it uncertain, and leaves it in the
write that ends that: the list cannot disagree with the messages for longer than an index is behind.
"""

from datetime import datetime
from typing import Any, Final, cast

from adapters.dynamodb import keys
from adapters.dynamodb.messages import StoredMessage, message_from
from adapters.dynamodb.pages import Page, decode_cursor, encode_cursor
from adapters.dynamodb.schema import BY_STATUS
from adapters.dynamodb.table import Table
from adapters.dynamodb.values import Plain, attributes, plain
from contracts.ids import ConversationId, MessageId, OrganizationId

LISTED: Final = "status_key = :status_key, active_at = :active_at"
"""For `SET`, with the values of `listing`."""
UNLISTED: Final = "REMOVE status_key, active_at"


def listing(organization_id: OrganizationId, *, since: datetime) -> Plain:
    return {"status_key": keys.uncertain_index(organization_id), "active_at": since}


class UncertainMessages:
    def __init__(self, table: Table) -> None:
        self._table = table

    async def list(
        self, organization_id: OrganizationId, *, limit: int, cursor: str | None = None
    ) -> Page[StoredMessage]:
        """The organisation's uncertain messages, the newest doubt first.

        Raises:
            InvalidCursor: the cursor is not one of this method's.
        """
        partition = keys.uncertain_index(organization_id)
        optional: dict[str, Any] = {}
        if cursor is not None:
            since, conversation, message = decode_cursor(cursor, parts=3)
            key = keys.message(organization_id, ConversationId(conversation), MessageId(message))
            place = attributes({"status_key": partition, "active_at": since})
            optional["ExclusiveStartKey"] = {**key.item(), **place}
        response = await self._table.client.query(
            TableName=self._table.name,
            IndexName=BY_STATUS,
            KeyConditionExpression="status_key = :partition",
            ExpressionAttributeValues={":partition": {"S": partition}},
            ScanIndexForward=False,
            Limit=limit,
            **cast(Any, optional),
        )
        items = [plain(item) for item in response["Items"]]
        more = "LastEvaluatedKey" in response and bool(items)
        return Page(
            items=[message_from(item, _conversation_of(item)) for item in items],
            next_cursor=_cursor_after(items[-1]) if more else None,
        )


def _cursor_after(item: Plain) -> str:
    return encode_cursor(item["active_at"], _conversation_of(item), item["sk"])


def _conversation_of(item: Plain) -> ConversationId:
    return ConversationId(item["pk"].split("/")[-2])
