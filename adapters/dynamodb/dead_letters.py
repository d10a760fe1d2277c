"""Updates that could not be handled, kept with the reason so that their neighbours could be."""

from datetime import datetime, timedelta
from typing import Any, Final, cast

from ulid import ULID

from adapters.dynamodb import keys
from adapters.dynamodb.pages import Page, decode_cursor, encode_cursor
from adapters.dynamodb.table import Table
from adapters.dynamodb.values import plain, utc_now
from contracts.ids import OrganizationId
from contracts.model import Contract

MAX_RAW_BYTES: Final = 300_000
"""Of one letter; an item of DynamoDB holds 400 KB with its other attributes."""
KEPT: Final = timedelta(days=30)
MAX_REASON: Final = 1_000


class DeadLetter(Contract):
    id: str
    reason: str
    raw: bytes
    """The beginning of what could not be handled."""
    size: int
    """Bytes that it had as a whole."""
    context: dict[str, str]
    created_at: datetime

    @property
    def truncated(self) -> bool:
        return self.size > len(self.raw)


class DeadLetters:
    def __init__(self, table: Table) -> None:
        self._table = table

    async def park(
        self,
        organization_id: OrganizationId | None,
        *,
        reason: str,
        raw: bytes,
        context: dict[str, str] | None = None,
    ) -> str:
        """Keep what could not be handled for 30 days; its id. Of a large one, the beginning.

        Args:
            organization_id: `None` when not even that is known: the platform's own letters.
            context: ids that help to find where it came from.
        """
        letter_id = str(ULID()).lower()
        now = utc_now()
        await self._table.put(
            keys.Key(keys.dead_letters(organization_id), letter_id),
            {
                "reason": reason[:MAX_REASON],
                "raw": raw[:MAX_RAW_BYTES],
                "size": len(raw),
                "context": context or {},
                "created_at": now,
                "expires_at": int((now + KEPT).timestamp()),
            },
        )
        return letter_id

    async def list(
        self, organization_id: OrganizationId | None, *, limit: int, cursor: str | None = None
    ) -> Page[DeadLetter]:
        """Letters of one organisation (or of none), newest first.

        Raises:
            InvalidCursor: the cursor is not one of this method's.
        """
        partition = keys.dead_letters(organization_id)
        start = {}
        if cursor is not None:
            (last,) = decode_cursor(cursor, parts=1)
            start = {"ExclusiveStartKey": keys.Key(partition, last).item()}
        response = await self._table.client.query(
            TableName=self._table.name,
            KeyConditionExpression="pk = :partition",
            ExpressionAttributeValues={":partition": {"S": partition}},
            ScanIndexForward=False,
            Limit=limit,
            **cast(Any, start),
        )
        items = [plain(item) for item in response["Items"]]
        more = "LastEvaluatedKey" in response and bool(items)
        return Page(
            items=[DeadLetter.model_validate({**item, "id": item["sk"]}) for item in items],
            next_cursor=encode_cursor(items[-1]["sk"]) if more else None,
        )
