import asyncio
from collections.abc import Callable

import pytest

from adapters.dynamodb.conversations import Conversations
from adapters.dynamodb.schema import ensure_table, is_ready
from adapters.dynamodb.table import Table
from tests.adapters.dynamodb.builders import a_conversation, a_record, a_request


@pytest.fixture
def new_table(table: Table, new_table_name: Callable[[], str]) -> Table:
    """A table that does not exist yet, on the same connection."""
    return Table(table.client, new_table_name())


async def test_a_table_is_made_once_with_indexes_and_ttl(new_table: Table) -> None:
    await asyncio.gather(*(ensure_table(new_table) for _ in range(3)))
    await ensure_table(new_table)

    assert await is_ready(new_table)
    ttl = await new_table.client.describe_time_to_live(TableName=new_table.name)
    assert ttl["TimeToLiveDescription"].get("AttributeName") == "expires_at"
    assert ttl["TimeToLiveDescription"].get("TimeToLiveStatus") == "ENABLED"


async def test_a_table_of_before_gets_what_it_lacks_and_keeps_its_items(new_table: Table) -> None:
    await new_table.client.create_table(
        TableName=new_table.name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
    )
    assert not await is_ready(new_table)
    conversations, ref = Conversations(new_table), a_conversation()
    await conversations.record_inbound(a_request(ref, a_record(), opening=True))

    await ensure_table(new_table)

    assert await is_ready(new_table)
    page = await conversations.list(ref.organization_id, limit=5)
    assert [one.id for one in page.items] == [ref.conversation_id]


async def test_the_index_of_usage_holds_nothing_that_a_status_changes(table: Table) -> None:
    description = (await table.client.describe_table(TableName=table.name))["Table"]
    projections = {
        index.get("IndexName"): index.get("Projection")
        for index in description.get("GlobalSecondaryIndexes", [])
    }
    assert projections["by_usage"] == {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["used"]}
