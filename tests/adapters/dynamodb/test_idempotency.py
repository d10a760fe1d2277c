import asyncio
from datetime import datetime, timedelta

import pytest

from adapters.dynamodb.idempotency import (
    KEPT,
    LEASE,
    Finished,
    IdempotencyRecords,
    InProgress,
    RequestKey,
    Reused,
    Started,
)
from adapters.dynamodb.table import Table
from contracts.ids import ApiKeyId
from tests.adapters.dynamodb.builders import NOON, an_organization


def a_request(name: str = "one") -> RequestKey:
    return RequestKey(organization_id=an_organization(), api_key_id=ApiKeyId("key_1"), name=name)


@pytest.fixture
def records(table: Table) -> IdempotencyRecords:
    return IdempotencyRecords(table)


async def start(
    records: IdempotencyRecords, request: RequestKey, *, now: datetime = NOON, of: str = "print"
) -> Started:
    claim = await records.claim(request, fingerprint=of, now=now)
    assert isinstance(claim, Started)
    return claim


async def test_one_of_many_gets_the_request(records: IdempotencyRecords) -> None:
    request = a_request()
    claims = await asyncio.gather(
        *(records.claim(request, fingerprint="print", now=NOON) for _ in range(10))
    )
    assert sum(isinstance(claim, Started) for claim in claims) == 1
    assert sum(isinstance(claim, InProgress) for claim in claims) == 9


async def test_an_answer_is_kept_for_a_day(records: IdempotencyRecords) -> None:
    request = a_request()
    first = await start(records, request)
    assert await records.finish(request, owner=first.owner, answer=b"sealed")

    late = NOON + KEPT - timedelta(seconds=1)
    kept = await records.claim(request, fingerprint="print", now=late)
    assert kept == Finished(answer=b"sealed")
    another = await start(records, request, now=NOON + KEPT, of="other")
    assert another.seed != first.seed
    assert not another.again


async def test_another_request_is_told_from_it(records: IdempotencyRecords) -> None:
    request = a_request()
    first = await start(records, request)
    assert await records.claim(request, fingerprint="other", now=NOON) == Reused()
    await records.finish(request, owner=first.owner, answer=b"sealed")
    assert await records.claim(request, fingerprint="other", now=NOON) == Reused()


async def test_after_the_lease_one_goes_on_with_the_same_seed(
    records: IdempotencyRecords,
) -> None:
    request = a_request()
    dead = await start(records, request)
    before = await records.claim(
        request, fingerprint="print", now=NOON + LEASE - timedelta(milliseconds=1)
    )
    assert before == InProgress()
    claims = await asyncio.gather(
        *(records.claim(request, fingerprint="print", now=NOON + LEASE) for _ in range(5))
    )
    (heir,) = [claim for claim in claims if isinstance(claim, Started)]
    assert heir.seed == dead.seed
    assert heir.again
    assert not await records.finish(request, owner=dead.owner, answer=b"too late")
    assert await records.finish(request, owner=heir.owner, answer=b"sealed")
    assert await records.claim(request, fingerprint="print", now=NOON) == Finished(answer=b"sealed")


async def test_a_released_request_is_run_again_at_once(records: IdempotencyRecords) -> None:
    request = a_request()
    first = await start(records, request)
    await records.release(request, owner=first.owner)
    second = await start(records, request)
    assert (second.seed, second.again) == (first.seed, True)


async def test_a_forgotten_request_leaves_its_key_to_any_other(
    records: IdempotencyRecords,
) -> None:
    request = a_request()
    first = await start(records, request)
    await records.forget(request, owner=first.owner, now=NOON)
    # Also for a process whose clock is behind.
    second = await start(records, request, now=NOON - timedelta(minutes=5), of="other")
    assert second.seed != first.seed
    assert not second.again


async def test_names_keys_and_organisations_are_apart(records: IdempotencyRecords) -> None:
    request = a_request()
    await start(records, request)
    await start(records, request.model_copy(update={"name": "two"}))
    await start(records, request.model_copy(update={"api_key_id": ApiKeyId("key_2")}))
    await start(records, request.model_copy(update={"organization_id": an_organization()}))
    await start(records, request.model_copy(update={"organization_id": None}))
