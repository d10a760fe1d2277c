"""The client of the table: opened once per process, shared by everything that stores."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar, cast

import aioboto3
from aiobotocore.config import AioConfig
from botocore.exceptions import ClientError

from adapters.dynamodb.keys import Key
from adapters.dynamodb.values import Item, Plain, attributes, plain
from settings import Settings

if TYPE_CHECKING:
    from types_aiobotocore_dynamodb import DynamoDBClient

CONFLICT_ATTEMPTS: Final = 6
"""Tries of a write that met another transaction on the same item; some 0.5 s in all."""

_PASSING: Final = frozenset(
    {
        "ConditionalCheckFailed",
        "ProvisionedThroughputExceeded",
        "ThrottlingError",
        "TransactionConflict",
    }
)
"""Reasons of a cancelled transaction that another try may not meet (TransactWriteItems in
DynamoDB's API reference); the SDK does not repeat these by itself."""

Result = TypeVar("Result")


class ConditionFailed(Exception):
    """A condition did not hold. Says what the item looked like then."""

    def __init__(self, item: Plain | None) -> None:
        super().__init__("the item is not as the write expected it")
        self.item = item
        """The item that stood in the way; `None` when there was none."""


class TransactionRefused(Exception):
    """Conditions of a transaction did not hold; nothing of it was written."""

    def __init__(self, failed: dict[int, Plain | None]) -> None:
        super().__init__(f"conditions {sorted(failed)} of the transaction do not hold")
        self.failed = failed
        """Position of each write that was refused, with the item that stood in its way."""


class Table:
    """Reads and writes of single items. The modules beside it say what the items mean."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self.client = client
        self.name = name

    async def get(self, key: Key) -> Plain | None:
        """The item as it is now (a strongly consistent read)."""
        response = await self.client.get_item(
            TableName=self.name, Key=key.item(), ConsistentRead=True
        )
        item = response.get("Item")
        return plain(item) if item else None

    async def get_many(self, keys: Sequence[Key]) -> dict[Key, Plain]:
        """The items that exist, at most 100 of them, in one round trip as a rule."""
        wanted: list[Item] = [key.item() for key in keys]
        found: dict[Key, Plain] = {}
        for attempt in range(CONFLICT_ATTEMPTS):
            response = await self.client.batch_get_item(
                RequestItems={self.name: {"Keys": wanted, "ConsistentRead": True}}
            )
            for stored in response["Responses"].get(self.name, []):
                item = plain(stored)
                found[Key(item["pk"], item["sk"])] = item
            left = response.get("UnprocessedKeys", {}).get(self.name)
            if not left:
                return found
            wanted = cast(list[Item], left["Keys"])
            await back_off(attempt)
        raise TimeoutError("DynamoDB did not answer for all keys of a batch")

    async def put(
        self,
        key: Key,
        values: Plain,
        *,
        condition: str | None = None,
        condition_values: Plain | None = None,
    ) -> None:
        """Write a whole item; `ConditionFailed` when the condition does not hold."""
        await self._write(
            lambda: self.client.put_item(
                **cast(
                    Any,
                    self.put_request(
                        key, values, condition=condition, condition_values=condition_values
                    ),
                )
            )
        )

    async def update(
        self,
        key: Key,
        expression: str,
        values: Plain,
        *,
        condition: str | None = None,
        names: dict[str, str] | None = None,
        returning: str = "NONE",
    ) -> Plain:
        """Change an item; `ConditionFailed` when the condition does not hold.

        Args:
            values: by the names they have in the expression, without the colon.
            returning: DynamoDB's `ReturnValues`, which decides what is returned.
        """
        request = self.update_request(key, expression, values, condition=condition, names=names)
        response = await self._write(
            lambda: self.client.update_item(**cast(Any, request), ReturnValues=cast(Any, returning))
        )
        return plain(cast(Any, response).get("Attributes", {}))

    async def delete(
        self, key: Key, *, condition: str | None = None, condition_values: Plain | None = None
    ) -> None:
        """Remove an item, if there is one; `ConditionFailed` when the condition does not hold."""
        request = self.delete_request(key, condition=condition, condition_values=condition_values)
        await self._write(lambda: self.client.delete_item(**cast(Any, request)))

    async def transact(self, writes: Sequence[dict[str, Any]]) -> None:
        """Write all or nothing; `TransactionRefused` when a condition does not hold."""
        for attempt in range(CONFLICT_ATTEMPTS):
            try:
                await self.client.transact_write_items(TransactItems=cast(Any, list(writes)))
                return
            except ClientError as error:
                if error.response["Error"]["Code"] != "TransactionCanceledException":
                    raise
                reasons = cast(Any, error.response).get("CancellationReasons", [])
                codes = {reason.get("Code", "None") for reason in reasons} - {"None"}
                if codes == {"ConditionalCheckFailed"}:
                    raise TransactionRefused(_refusals(reasons)) from None
                if not codes <= _PASSING or attempt == CONFLICT_ATTEMPTS - 1:
                    raise
            await back_off(attempt)

    def put_request(
        self,
        key: Key,
        values: Plain,
        *,
        condition: str | None = None,
        condition_values: Plain | None = None,
    ) -> dict[str, Any]:
        """The put as a part of a transaction (or alone)."""
        request: dict[str, Any] = {
            "TableName": self.name,
            "Item": {**attributes(values), **key.item()},
        }
        if condition:
            request["ConditionExpression"] = condition
            request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        if condition_values:
            request["ExpressionAttributeValues"] = {
                f":{name}": value for name, value in attributes(condition_values).items()
            }
        return request

    def update_request(
        self,
        key: Key,
        expression: str,
        values: Plain,
        *,
        condition: str | None = None,
        names: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        """The update as a part of a transaction (or alone)."""
        request: dict[str, Any] = {
            "TableName": self.name,
            "Key": key.item(),
            "UpdateExpression": expression,
        }
        if values:
            request["ExpressionAttributeValues"] = {
                f":{name}": value for name, value in attributes(values).items()
            }
        if names:
            request["ExpressionAttributeNames"] = names
        if condition:
            request["ConditionExpression"] = condition
            request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        return request

    def delete_request(
        self, key: Key, *, condition: str | None = None, condition_values: Plain | None = None
    ) -> dict[str, Any]:
        """The removal as a part of a transaction (or alone)."""
        if condition is None:
            return {"TableName": self.name, "Key": key.item()}
        return self.check_request(key, condition, condition_values)

    def check_request(
        self, key: Key, condition: str, condition_values: Plain | None = None
    ) -> dict[str, Any]:
        """A condition on an item that a transaction does not write."""
        request: dict[str, Any] = {
            "TableName": self.name,
            "Key": key.item(),
            "ConditionExpression": condition,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if condition_values:
            request["ExpressionAttributeValues"] = {
                f":{name}": value for name, value in attributes(condition_values).items()
            }
        return request

    async def _write(self, call: Callable[[], Awaitable[Result]]) -> Result:
        for attempt in range(CONFLICT_ATTEMPTS):
            try:
                return await call()
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code == "ConditionalCheckFailedException":
                    item = cast(Any, error.response).get("Item")
                    raise ConditionFailed(plain(item) if item else None) from None
                # The SDK's own retries leave this one to the caller.
                if code != "TransactionConflictException" or attempt == CONFLICT_ATTEMPTS - 1:
                    raise
            await back_off(attempt)
        raise AssertionError("the last attempt returns or raises")


class Patience(NamedTuple):
    """How long a client waits, in seconds, and how often it asks."""

    connect: float
    read: float
    attempts: int


PATIENT: Final = Patience(connect=2, read=5, attempts=4)
ONCE: Final = Patience(connect=1, read=2, attempts=1)
"""For what must not happen twice when an answer is lost (the SDK cannot know that it did), and for
what is not worth waiting for."""


@asynccontextmanager
async def open_dynamodb(settings: Settings, patience: Patience = PATIENT) -> AsyncIterator[Table]:
    """The table of this process, with one pool of connections until the block ends."""
    config = AioConfig(
        # More than the activities and requests that one process runs at a time.
        max_pool_connections=128,
        connect_timeout=patience.connect,
        read_timeout=patience.read,
        retries={"mode": "standard", "total_max_attempts": patience.attempts},
        # The stubs check the requests when we do; at run time this is a tenth of a call.
        parameter_validation=False,
        tcp_keepalive=True,
    )
    async with aioboto3.Session().client(
        "dynamodb",
        region_name=settings.aws_region,
        endpoint_url=settings.aws_endpoint_url_dynamodb,
        config=config,
    ) as client:
        yield Table(client, settings.parley_dynamodb_table)


def _refusals(reasons: list[dict[str, Any]]) -> dict[int, Plain | None]:
    return {
        position: plain(reason["Item"]) if reason.get("Item") else None
        for position, reason in enumerate(reasons)
        if reason.get("Code") == "ConditionalCheckFailed"
    }


async def back_off(attempt: int, *, base_seconds: float = 0.02) -> None:
    """Wait before the next attempt; attempts count from 0, and the longest wait doubles."""
    # Full jitter, so that two writers that met do not meet again; no secret hangs on it.
    await asyncio.sleep(random.uniform(0, base_seconds * 2**attempt))  # noqa: S311
