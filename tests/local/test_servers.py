"""The embedded servers answer as the real ones do."""

import asyncio
from datetime import timedelta
from typing import Any

import aioboto3
import asyncpg
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from contracts import names
from local.aws import AwsServer
from local.temporal_server import SEARCH_ATTRIBUTES, TemporalServer
from tests.local.nap_workflow import Nap
from tests.servers import ConnectTemporal, NewDatabase


async def test_postgres_stores_and_compares_vectors(database_url: str) -> None:
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    try:
        await connection.execute("CREATE EXTENSION vector")
        await connection.execute("CREATE TABLE passages (id int, embedding vector(2))")
        await connection.execute("INSERT INTO passages VALUES (1, '[0,1]'), (2, '[1,0]')")
        nearest = await connection.fetchval(
            "SELECT id FROM passages ORDER BY embedding <=> '[0.9,0.1]' LIMIT 1"
        )
    finally:
        await connection.close()
    assert nearest == 2


async def test_postgres_lowers_letters_of_every_script(database_url: str) -> None:
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    try:
        assert await connection.fetchval("SELECT lower('ÅNGSTRÖM ΩΜΕΓΑ')") == "ångström ωμεγα"
    finally:
        await connection.close()


async def test_each_new_database_is_empty(new_database: NewDatabase) -> None:
    for url in [await new_database(), await new_database()]:
        connection = await asyncpg.connect(url.replace("+asyncpg", ""))
        try:
            await connection.execute("CREATE TABLE once (id int)")
        finally:
            await connection.close()


async def test_postgres_refuses_a_wrong_password(database_url: str) -> None:
    user, _, rest = database_url.removeprefix("postgresql+asyncpg://").partition(":")
    address = rest.partition("@")[2]
    try:
        await asyncpg.connect(f"postgresql://{user}:wrong@{address}")
    except asyncpg.InvalidPasswordError:
        return
    raise AssertionError("a wrong password was accepted")


async def test_temporal_has_the_search_attributes(
    temporal_server: TemporalServer, connect_temporal: ConnectTemporal
) -> None:
    client = await connect_temporal()
    listed = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=temporal_server.namespace)
    )
    assert set(SEARCH_ATTRIBUTES) <= set(listed.custom_attributes)
    assert names.SEARCH_ATTRIBUTES == SEARCH_ATTRIBUTES


async def test_temporal_runs_a_workflow(connect_temporal: ConnectTemporal) -> None:
    client = await connect_temporal()
    async with Worker(client, task_queue="naps", workflows=[Nap]):
        result = await client.execute_workflow(
            Nap.run, 0.01, id="nap", task_queue="naps", run_timeout=timedelta(seconds=30)
        )
    assert result == "rested"


async def test_a_day_passes_at_once_when_time_is_skipped(
    time_skipping_env: WorkflowEnvironment,
) -> None:
    client = time_skipping_env.client
    async with Worker(client, task_queue="naps", workflows=[Nap]):
        async with asyncio.timeout(30):
            result = await client.execute_workflow(
                Nap.run, timedelta(days=1).total_seconds(), id="long-nap", task_queue="naps"
            )
    assert result == "rested"


async def test_the_aws_sdk_puts_and_gets_items_and_objects(aws: AwsServer, table_name: str) -> None:
    session = aioboto3.Session()
    options: dict[str, Any] = {
        "endpoint_url": aws.endpoint_url,
        "region_name": aws.region,
        "aws_access_key_id": aws.access_key_id,
        "aws_secret_access_key": aws.secret_access_key,
    }
    async with session.client("dynamodb", **options) as dynamodb:
        await dynamodb.create_table(
            TableName=table_name,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        item: dict[str, Any] = {"pk": {"S": "a"}, "raw": {"B": b"\x00\xff"}, "n": {"N": "1.5"}}
        await dynamodb.put_item(TableName=table_name, Item=item)
        found = await dynamodb.get_item(TableName=table_name, Key={"pk": {"S": "a"}})
        assert found["Item"] == item
    async with session.client("s3", **options) as s3:
        await s3.create_bucket(Bucket=table_name)
        await s3.put_object(Bucket=table_name, Key="documents/menu.txt", Body=b"soup" * 500_000)
        stored = await s3.get_object(Bucket=table_name, Key="documents/menu.txt")
        assert await stored["Body"].read() == b"soup" * 500_000
