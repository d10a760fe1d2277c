"""The table as `parley migrate` creates it, and brings an older one up to it."""

import asyncio
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from adapters.dynamodb.table import Table

if TYPE_CHECKING:
    from types_aiobotocore_dynamodb.type_defs import (
        AttributeDefinitionTypeDef,
        CreateGlobalSecondaryIndexActionTypeDef,
        KeySchemaElementTypeDef,
    )

BY_ACTIVITY: Final = "by_activity"
BY_STATUS: Final = "by_status"
BY_USAGE: Final = "by_usage"
USED: Final = "used"
"""What an item says of its usage; `USAGE` is a reserved word."""
TTL_ATTRIBUTE: Final = "expires_at"

INDEX_KEYS: Final = {
    BY_ACTIVITY: ("activity_key", "active_at"),
    BY_STATUS: ("status_key", "active_at"),
    BY_USAGE: ("usage_key", "used_at"),
}
"""Partition key and sort key of each index."""
_PROJECTED: Final = {BY_USAGE: [USED]}
"""Attributes of a narrow index: writes of others do not touch it. The rest of them have all."""
_READY_SECONDS: Final = 600
"""A new index of a large table is filled in the background; small ones take seconds."""


async def ensure_table(table: Table) -> None:
    """Create the table, or add what it lacks, and wait until it is ready. Safe to repeat."""
    try:
        await table.client.create_table(
            TableName=table.name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=_key_schema("pk", "sk"),
            AttributeDefinitions=_attribute_definitions(*INDEX_KEYS),
            GlobalSecondaryIndexes=[_index(name) for name in INDEX_KEYS],
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceInUseException":
            raise
    existing = await _wait_until_active(table)
    for name in INDEX_KEYS.keys() - existing:
        # DynamoDB creates one index at a time.
        await table.client.update_table(
            TableName=table.name,
            AttributeDefinitions=_attribute_definitions(*existing & INDEX_KEYS.keys(), name),
            GlobalSecondaryIndexUpdates=[{"Create": _index(name)}],
        )
        existing = await _wait_until_active(table)
    await _switch_ttl_on(table)


async def is_ready(table: Table) -> bool:
    """Whether the table answers and has its indexes: what a readiness check asks."""
    description = (await table.client.describe_table(TableName=table.name))["Table"]
    indexes = {index.get("IndexName") for index in description.get("GlobalSecondaryIndexes", [])}
    return description.get("TableStatus") in ("ACTIVE", "UPDATING") and indexes >= INDEX_KEYS.keys()


async def _wait_until_active(table: Table) -> set[str]:
    """Wait for the table and its indexes; the names of those."""
    async with asyncio.timeout(_READY_SECONDS):
        while True:
            description = (await table.client.describe_table(TableName=table.name))["Table"]
            indexes = description.get("GlobalSecondaryIndexes", [])
            states = {index.get("IndexStatus") for index in indexes}
            if description.get("TableStatus") == "ACTIVE" and states <= {"ACTIVE"}:
                return {index.get("IndexName", "") for index in indexes}
            await asyncio.sleep(0.5)


async def _switch_ttl_on(table: Table) -> None:
    response = await table.client.describe_time_to_live(TableName=table.name)
    status = response["TimeToLiveDescription"].get("TimeToLiveStatus")
    if status not in ("ENABLED", "ENABLING"):
        await table.client.update_time_to_live(
            TableName=table.name,
            TimeToLiveSpecification={"Enabled": True, "AttributeName": TTL_ATTRIBUTE},
        )


def _index(name: str) -> "CreateGlobalSecondaryIndexActionTypeDef":
    return {
        "IndexName": name,
        "KeySchema": _key_schema(*INDEX_KEYS[name]),
        "Projection": (
            {"ProjectionType": "INCLUDE", "NonKeyAttributes": _PROJECTED[name]}
            if name in _PROJECTED
            else {"ProjectionType": "ALL"}
        ),
    }


def _key_schema(partition: str, sort: str) -> "list[KeySchemaElementTypeDef]":
    return [
        {"AttributeName": partition, "KeyType": "HASH"},
        {"AttributeName": sort, "KeyType": "RANGE"},
    ]


def _attribute_definitions(*indexes: str) -> "list[AttributeDefinitionTypeDef]":
    names = {"pk", "sk"}.union(*(INDEX_KEYS[index] for index in indexes))
    return [{"AttributeName": name, "AttributeType": "S"} for name in sorted(names)]
