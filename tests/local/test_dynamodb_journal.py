"""What DynamoDB and S3 acknowledged is there after their process was killed."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aioboto3
import httpx
import pytest
from aiobotocore.config import AioConfig
from botocore.exceptions import BotoCoreError, ClientError
from types_aiobotocore_dynamodb import DynamoDBClient

from local.aws import AwsServer, aws_part
from local.ports import free_port
from local.process import PartFailed, PartProcess

TABLE = "things"


class Emulator:
    """The emulator on one data directory, to be killed and started again."""

    def __init__(self, directory: Path) -> None:
        self.server = AwsServer(port=free_port())
        self.directory = directory
        self.journal = directory / "aws" / "dynamodb.jsonl"
        self._process: PartProcess | None = None

    async def start(self) -> None:
        part = aws_part(
            self.server, data_dir=self.directory / "aws", log_file=self.directory / "aws.log"
        )
        self._process = await PartProcess.start(part)
        await self._process.wait_healthy(timeout=30)

    async def kill(self) -> None:
        assert self._process is not None
        os.kill(self._process.process_id, signal.SIGKILL)
        await self._process.wait()

    async def stop(self) -> None:
        if self._process is not None:
            await self._process.stop()

    def client(self, service: str) -> Any:
        return aioboto3.Session().client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.server.endpoint_url,
            region_name=self.server.region,
            aws_access_key_id="local",
            aws_secret_access_key="local",
            config=AioConfig(retries={"total_max_attempts": 1}),
        )

    @asynccontextmanager
    async def dynamodb(self) -> AsyncIterator[DynamoDBClient]:
        async with self.client("dynamodb") as client:
            yield client


@pytest.fixture
async def emulator(tmp_path: Path) -> AsyncIterator[Emulator]:
    emulator = Emulator(tmp_path)
    await emulator.start()
    yield emulator
    await emulator.stop()


async def create_table(dynamodb: DynamoDBClient) -> None:
    await dynamodb.create_table(
        TableName=TABLE,
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
            {"AttributeName": "by", "AttributeType": "S"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_owner",
                "KeySchema": [{"AttributeName": "by", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    await dynamodb.update_time_to_live(
        TableName=TABLE, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"}
    )


def key(name: str) -> dict[str, Any]:
    return {"pk": {"S": name}, "sk": {"S": "-"}}


async def get(dynamodb: DynamoDBClient, name: str) -> dict[str, Any] | None:
    answer = await dynamodb.get_item(TableName=TABLE, Key=key(name))
    return answer.get("Item")


async def test_every_acknowledged_write_survives_a_kill_in_a_stream_of_writes(
    emulator: Emulator,
) -> None:
    acknowledged: list[str] = []
    well_under_way = asyncio.Event()

    async def write(dynamodb: DynamoDBClient, writer: int) -> None:
        with contextlib.suppress(BotoCoreError, ClientError):
            for number in range(100_000):
                name = f"{writer}-{number}"
                await dynamodb.put_item(TableName=TABLE, Item=key(name))
                acknowledged.append(name)
                if len(acknowledged) == 200:
                    well_under_way.set()

    async with emulator.dynamodb() as dynamodb:
        await create_table(dynamodb)
        writers = [asyncio.create_task(write(dynamodb, writer)) for writer in range(4)]
        async with asyncio.timeout(30):
            await well_under_way.wait()
        await emulator.kill()
        await asyncio.gather(*writers)

    await emulator.start()
    async with emulator.dynamodb() as dynamodb:
        missing = [name for name in acknowledged if await get(dynamodb, name) is None]
    assert missing == []


async def test_every_kind_of_write_is_kept(emulator: Emulator) -> None:
    async with emulator.dynamodb() as dynamodb:
        await create_table(dynamodb)
        await dynamodb.put_item(TableName=TABLE, Item=key("put") | {"raw": {"B": b"\x00\xff"}})
        for _ in range(3):
            await dynamodb.update_item(
                TableName=TABLE,
                Key=key("counted"),
                UpdateExpression="ADD #n :one",
                ExpressionAttributeNames={"#n": "n"},
                ExpressionAttributeValues={":one": {"N": "1"}},
            )
        await dynamodb.put_item(TableName=TABLE, Item=key("deleted"))
        await dynamodb.delete_item(TableName=TABLE, Key=key("deleted"))
        await dynamodb.put_item(TableName=TABLE, Item=key("batch-deleted"))
        await dynamodb.batch_write_item(
            RequestItems={
                TABLE: [
                    {"PutRequest": {"Item": key("batch-put") | {"by": {"S": "me"}}}},
                    {"DeleteRequest": {"Key": key("batch-deleted")}},
                ]
            }
        )
        await dynamodb.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": TABLE, "Item": key("transacted")}},
                {
                    "Update": {
                        "TableName": TABLE,
                        "Key": key("counted"),
                        "UpdateExpression": "SET seen = :yes",
                        "ExpressionAttributeValues": {":yes": {"BOOL": True}},
                    }
                },
                {
                    "ConditionCheck": {
                        "TableName": TABLE,
                        "Key": key("put"),
                        "ConditionExpression": "attribute_exists(pk)",
                    }
                },
            ]
        )

    for _ in range(2):  # the second time from the compacted journal
        await emulator.kill()
        await emulator.start()
        async with emulator.dynamodb() as dynamodb:
            names = ["put", "counted", "deleted", "batch-put", "batch-deleted", "transacted"]
            found = {name: await get(dynamodb, name) for name in names}
            indexed = await dynamodb.query(
                TableName=TABLE,
                IndexName="by_owner",
                KeyConditionExpression="#by = :me",
                ExpressionAttributeNames={"#by": "by"},
                ExpressionAttributeValues={":me": {"S": "me"}},
            )
            expiry = await dynamodb.describe_time_to_live(TableName=TABLE)
        assert found == {
            "put": key("put") | {"raw": {"B": b"\x00\xff"}},
            "counted": key("counted") | {"n": {"N": "3"}, "seen": {"BOOL": True}},
            "deleted": None,
            "batch-put": key("batch-put") | {"by": {"S": "me"}},
            "batch-deleted": None,
            "transacted": key("transacted"),
        }
        assert [item["pk"] for item in indexed["Items"]] == [{"S": "batch-put"}]
        assert expiry["TimeToLiveDescription"]["AttributeName"] == "expires"


async def test_a_refused_condition_leaves_nothing_to_replay(emulator: Emulator) -> None:
    async with emulator.dynamodb() as dynamodb:
        await create_table(dynamodb)
        await dynamodb.put_item(TableName=TABLE, Item=key("once") | {"v": {"S": "first"}})
        with pytest.raises(ClientError, match="ConditionalCheckFailed"):
            await dynamodb.put_item(
                TableName=TABLE,
                Item=key("once") | {"v": {"S": "second"}},
                ConditionExpression="attribute_not_exists(pk)",
            )
    await emulator.kill()
    await emulator.start()
    async with emulator.dynamodb() as dynamodb:
        assert await get(dynamodb, "once") == key("once") | {"v": {"S": "first"}}


async def test_what_expired_does_not_come_back(emulator: Emulator) -> None:
    now = int(time.time())
    async with emulator.dynamodb() as dynamodb:
        await create_table(dynamodb)
        await dynamodb.put_item(TableName=TABLE, Item=key("old") | {"expires": {"N": str(now - 5)}})
        later = key("young") | {"expires": {"N": str(now + 3600)}}
        await dynamodb.put_item(TableName=TABLE, Item=later)
    await emulator.kill()
    await emulator.start()
    async with emulator.dynamodb() as dynamodb:
        assert await get(dynamodb, "old") is None
        assert await get(dynamodb, "young") == later


async def test_a_deleted_table_stays_deleted_and_can_be_made_again(emulator: Emulator) -> None:
    async with emulator.dynamodb() as dynamodb:
        await create_table(dynamodb)
        await dynamodb.put_item(TableName=TABLE, Item=key("before"))
        await dynamodb.delete_table(TableName=TABLE)
        await create_table(dynamodb)
        await dynamodb.put_item(TableName=TABLE, Item=key("after"))
    for _ in range(2):
        await emulator.kill()
        await emulator.start()
        async with emulator.dynamodb() as dynamodb:
            assert await get(dynamodb, "before") is None
            assert await get(dynamodb, "after") == key("after")


async def test_a_large_journal_is_compacted_while_it_is_written(emulator: Emulator) -> None:
    async with emulator.dynamodb() as dynamodb:
        await create_table(dynamodb)
        await dynamodb.put_item(TableName=TABLE, Item=key("untouched"))
        for number in range(60):  # 60 times 300 kB are more than the 16 MiB it may grow to
            text = {"S": f"{number} " + "x" * 300_000}
            await dynamodb.put_item(TableName=TABLE, Item=key("rewritten") | {"text": text})
        assert emulator.journal.stat().st_size < 10 * 300_000
    await emulator.kill()
    await emulator.start()
    async with emulator.dynamodb() as dynamodb:
        assert await get(dynamodb, "untouched") == key("untouched")
        rewritten = await get(dynamodb, "rewritten")
    assert rewritten is not None
    assert rewritten["text"]["S"].startswith("59 ")


async def test_an_unfinished_last_line_is_dropped(emulator: Emulator) -> None:
    async with emulator.dynamodb() as dynamodb:
        await create_table(dynamodb)
        await dynamodb.put_item(TableName=TABLE, Item=key("kept"))
    await emulator.kill()
    with emulator.journal.open("ab") as journal:
        journal.write(b'["000000000000","us-east-1",[["PutItem",{"Tab')
    await emulator.start()
    async with emulator.dynamodb() as dynamodb:
        assert await get(dynamodb, "kept") == key("kept")
        await dynamodb.put_item(TableName=TABLE, Item=key("written after"))
    await emulator.kill()
    await emulator.start()
    async with emulator.dynamodb() as dynamodb:
        assert await get(dynamodb, "written after") == key("written after")


async def test_a_damaged_line_in_the_middle_stops_the_start_with_a_sentence(
    emulator: Emulator,
) -> None:
    async with emulator.dynamodb() as dynamodb:
        await create_table(dynamodb)
    await emulator.kill()
    with emulator.journal.open("ab") as journal:
        journal.write(b"damaged\n")
    with pytest.raises(PartFailed, match=r"dynamodb\.jsonl cannot be read at line"):
        await emulator.start()


async def test_a_half_made_compaction_is_ignored(emulator: Emulator) -> None:
    async with emulator.dynamodb() as dynamodb:
        await create_table(dynamodb)
        await dynamodb.put_item(TableName=TABLE, Item=key("kept"))
    await emulator.kill()
    emulator.journal.with_suffix(".new").write_bytes(b'["000000000000"')
    await emulator.start()
    async with emulator.dynamodb() as dynamodb:
        assert await get(dynamodb, "kept") == key("kept")


async def test_objects_and_empty_buckets_survive_a_kill(emulator: Emulator) -> None:
    async with emulator.client("s3") as s3:
        await s3.create_bucket(Bucket="full")
        await s3.create_bucket(Bucket="empty")
        await s3.put_object(
            Bucket="full", Key="a/menu.md", Body=b"soup", ContentType="text/markdown"
        )
    await emulator.kill()
    unfinished = emulator.directory / "aws" / "s3" / "000000000000" / "full" / "a" / "half.md.tmp"
    unfinished.write_bytes(b"ha")
    await emulator.start()
    async with emulator.client("s3") as s3:
        listed = await s3.list_buckets()
        stored = await s3.get_object(Bucket="full", Key="a/menu.md")
        body = await stored["Body"].read()
        objects = await s3.list_objects_v2(Bucket="full")
        empty = await s3.list_objects_v2(Bucket="empty")
    assert {bucket["Name"] for bucket in listed["Buckets"]} == {"full", "empty"}
    assert (body, stored["ContentType"]) == (b"soup", "text/markdown")
    assert [entry["Key"] for entry in objects["Contents"]] == ["a/menu.md"]
    assert empty["KeyCount"] == 0


@pytest.mark.parametrize("path", ["/_ministack/reset", "/_localstack/state/reset"])
async def test_no_web_page_can_wipe_the_data(emulator: Emulator, path: str) -> None:
    async with httpx.AsyncClient(base_url=emulator.server.endpoint_url) as browser:
        assert (await browser.post(path)).status_code == 404
