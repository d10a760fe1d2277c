"""What was used, as the items that mean usage say it themselves.

An item gets its usage with its making, in the same write, and keeps it: each message, generation
and batch exists once, so counting items counts them once, whatever is retried or delivered again.
"""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, cast

from adapters.dynamodb import keys
from adapters.dynamodb.schema import BY_USAGE, USED
from adapters.dynamodb.table import Table
from adapters.dynamodb.values import Plain, plain, utc_now
from contracts.ids import DocumentId, OrganizationId, PassageId
from domain.usage import Usage, embedding, quarter_of

EMBEDDING_KEPT: Final = timedelta(days=8)
"""As long as drafts: the roll-up has seen it by then."""
QUERIES_AT_ONCE: Final = 8


def usage_attributes(usage: Usage, *, organization_id: OrganizationId, at: datetime) -> Plain:
    """Attributes of an item that is written for the first time `at` this moment."""
    return {
        "usage_key": keys.usage_index(organization_id, quarter_of(at)),
        "used_at": at,
        USED: {
            "counts": {metric: count for metric, count in usage.counts.items() if count},
            "channel_id": usage.channel_id,
            "model": usage.model,
        },
    }


class UsageItems:
    """Reads usage by the quarter of an hour, seconds behind at the most."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def of_quarters(
        self, organization_id: OrganizationId, quarters: Iterable[datetime]
    ) -> dict[datetime, list[Usage]]:
        """All that an organisation used in each of the quarters."""
        gate = asyncio.Semaphore(QUERIES_AT_ONCE)

        async def read(quarter: datetime) -> tuple[datetime, list[Usage]]:
            async with gate:
                return quarter, await self._of_quarter(organization_id, quarter)

        return dict(await asyncio.gather(*(read(quarter) for quarter in quarters)))

    async def record_embedding(
        self,
        organization_id: OrganizationId,
        *,
        document_id: DocumentId,
        version: int,
        start: int,
        model: str,
        tokens: int,
    ) -> None:
        """Note what a batch of passages cost to embed; a repetition of the batch changes nothing.

        Args:
            start: position of the batch's first passage.
        """
        key = keys.embedding(organization_id, document_id, version=version, start=start)
        await self._record(key, organization_id, model=model, tokens=tokens)

    async def record_reembedding(
        self,
        organization_id: OrganizationId,
        *,
        passage_id: PassageId,
        number: int,
        model: str,
        tokens: int,
    ) -> None:
        """The same of a batch that is embedded for another space of its knowledge base.

        Args:
            passage_id: of the batch's first passage.
            number: of the space.
        """
        key = keys.reembedding(organization_id, passage_id, number)
        await self._record(key, organization_id, model=model, tokens=tokens)

    async def _record(
        self, key: keys.Key, organization_id: OrganizationId, *, model: str, tokens: int
    ) -> None:
        now = utc_now()
        once: Plain = {
            **usage_attributes(
                embedding(model, tokens=tokens), organization_id=organization_id, at=now
            ),
            "expires_at": int((now + EMBEDDING_KEPT).timestamp()),
        }
        await self._table.update(
            key,
            "SET " + ", ".join(f"{name} = if_not_exists({name}, :{name})" for name in once),
            once,
        )

    async def _of_quarter(self, organization_id: OrganizationId, quarter: datetime) -> list[Usage]:
        found: list[Usage] = []
        start: Mapping[str, Any] | None = None
        while True:
            response = await self._table.client.query(
                TableName=self._table.name,
                IndexName=BY_USAGE,
                KeyConditionExpression="usage_key = :partition",
                ExpressionAttributeValues={
                    ":partition": {"S": keys.usage_index(organization_id, quarter)}
                },
                ProjectionExpression=USED,
                **cast(Any, {"ExclusiveStartKey": start} if start else {}),
            )
            found += [_usage(plain(item)[USED]) for item in response["Items"]]
            start = response.get("LastEvaluatedKey")
            if not start:
                return found


def _usage(stored: Plain) -> Usage:
    return Usage(stored["counts"], stored.get("channel_id"), stored.get("model"))
