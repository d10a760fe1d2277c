"""Whole partitions at a time: reading all of one, and deleting items in batches."""

from collections.abc import AsyncIterator, Iterable, Sequence
from itertools import islice
from typing import Any, Final, cast

from adapters.dynamodb.keys import Key
from adapters.dynamodb.schema import INDEX_KEYS
from adapters.dynamodb.table import Table, back_off
from adapters.dynamodb.values import Plain, plain

ITEMS_PER_BATCH: Final = 25
"""BatchWriteItem takes no more (DynamoDB's API reference)."""
PAGE: Final = 500
BATCH_ATTEMPTS: Final = 8
"""Tries of what a batch leaves unprocessed under throttling; some 5 s in all."""


async def partition(
    table: Table, name: str, *, prefix: str = "", after: str = "", attributes: Sequence[str] = ()
) -> AsyncIterator[list[Plain]]:
    """The items of a partition, page by page, in the order of their sort keys, as they are now.

    Args:
        prefix: of the sort keys that are wanted.
        after: the sort key before the first that is wanted; not together with a prefix.
        attributes: read besides the key; all of them if none is named.
    """
    condition, values = "pk = :partition", {":partition": {"S": name}}
    if prefix:
        condition += " AND begins_with(sk, :prefix)"
        values[":prefix"] = {"S": prefix}
    elif after:
        condition += " AND sk > :after"
        values[":after"] = {"S": after}
    query: dict[str, Any] = {
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": values,
        "ConsistentRead": True,
    }
    if attributes:
        # By other names: many a word is reserved.
        names = {f"#{name}": name for name in attributes}
        query["ProjectionExpression"] = ", ".join(("pk", "sk", *names))
        query["ExpressionAttributeNames"] = names
    async for page in _pages(table, query):
        yield page


async def index(table: Table, name: str, *, partition: str) -> AsyncIterator[list[Plain]]:
    """The items of an index's partition, page by page; seconds behind at the most."""
    attribute, _ = INDEX_KEYS[name]
    query = {
        "IndexName": name,
        "KeyConditionExpression": f"{attribute} = :partition",
        "ExpressionAttributeValues": {":partition": {"S": partition}},
    }
    async for page in _pages(table, query):
        yield page


async def delete_all(table: Table, keys: Iterable[Key]) -> None:
    """Delete items, in no order; nothing happens where there is none.

    Raises:
        TimeoutError: DynamoDB left some of them, however often it was asked.
    """
    left = iter(dict.fromkeys(keys))
    while batch := list(islice(left, ITEMS_PER_BATCH)):
        requests: Any = [{"DeleteRequest": {"Key": key.item()}} for key in batch]
        for attempt in range(BATCH_ATTEMPTS):
            response = await table.client.batch_write_item(RequestItems={table.name: requests})
            requests = response.get("UnprocessedItems", {}).get(table.name)
            if not requests:
                break
            await back_off(attempt, base_seconds=0.05)
        else:
            raise TimeoutError("DynamoDB did not delete all items of a batch")


async def _pages(table: Table, query: dict[str, Any]) -> AsyncIterator[list[Plain]]:
    start: dict[str, Any] = {}
    while True:
        response = await table.client.query(
            TableName=table.name, Limit=PAGE, **cast(Any, query), **cast(Any, start)
        )
        items = [plain(item) for item in response["Items"]]
        if items:
            yield items
        last = response.get("LastEvaluatedKey")
        if not last:
            return
        start = {"ExclusiveStartKey": last}
