"""What happens to a document while it is ingested: it is deleted, replaced, or has to wait."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from adapters.postgres.database import Database
from adapters.temporal.plugin import parley_plugin
from adapters.vectors.pinecone import PineconeIndex
from contracts.names import CONTENT_REPLACED
from tests.http_server import serving
from tests.knowledge import MODEL
from tests.pinecone_emulator.app import PineconeEmulator
from tests.servers import ConnectTemporal
from tests.workflows.erase_world import client_of
from tests.workflows.ingestion_worker import KEY_RING
from tests.workflows.ingestion_world import (
    NEW,
    OLD,
    Process,
    World,
    a_world,
    make_small,
)

POINTS = range(1, 24, 4)
"""Calls of the steps to the world after which something happens: some of every step."""
TENANT_TABLES = ("documents", "passages", "passage_embeddings", "kept_embeddings")


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    make_small(monkeypatch)


@pytest.fixture
async def world(connect_temporal: ConnectTemporal, database: Database) -> AsyncIterator[World]:
    client = await connect_temporal(plugins=[parley_plugin(KEY_RING)])
    async with a_world(client, database) as world:
        yield world


@pytest.fixture
async def patient(
    time_skipping_env: WorkflowEnvironment, database: Database
) -> AsyncIterator[World]:
    """Its hours are over at once. Its server cannot take a cancellation that comes too late."""
    async with a_world(client_of(time_skipping_env), database) as world:
        yield world


@pytest.fixture
async def pinecone(world: World) -> AsyncIterator[PineconeEmulator]:
    """The world's vectors are there, and not in PostgreSQL, where they would go by themselves."""
    emulator = PineconeEmulator(api_key="pc-test")
    async with serving(emulator.application) as url:
        emulator.url = url
        world.index = index = PineconeIndex(
            api_key=SecretStr("pc-test"),
            index_name="parley",
            default_model=MODEL,
            controller_host=url,
        )
        yield emulator
        await index.close()


async def ended(handle: WorkflowHandle[Any, str]) -> str:
    try:
        return await handle.result()
    except WorkflowFailureError as failure:
        return type(failure.cause).__name__


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("told", [True, False], ids=["as the API does", "behind its back"])
async def test_a_deletion_at_any_moment_leaves_nothing(
    world: World, pinecone: PineconeEmulator, point: int, told: bool
) -> None:
    ref = await world.knowledge.add(OLD)

    async def delete() -> None:
        if told:
            await handle.cancel()
        await world.knowledge.delete(ref)

    process = Process(happens_after=point, event=delete)
    handle = await world.start(ref)
    async with world.worker(process):
        outcome = await ended(handle)
    async with world.knowledge.database.engine.connect() as connection:
        for table in TENANT_TABLES:
            owned = text(f"SELECT count(*) FROM {table} WHERE organization_id = :owner")  # noqa: S608 - names of ours
            left = await connection.scalar(owned, {"owner": ref.organization_id})
            # The last of the calls come after the end of the ingestion.
            assert left == 0 or outcome == "ready", table
    if process.happened and outcome != "ready":
        for index in pinecone.indexes.values():
            namespace = index.namespaces.get(ref.organization_id)
            assert namespace is None or namespace.visible == {}


@pytest.mark.parametrize("point", POINTS)
async def test_a_content_that_comes_meanwhile_is_ingested_by_the_same_run(
    world: World, point: int
) -> None:
    ref = await world.knowledge.add(OLD)

    async def replace() -> None:
        await world.knowledge.replace(ref, NEW)
        await handle.signal(CONTENT_REPLACED)

    handle = await world.start(ref)
    async with world.worker(Process(happens_after=point, event=replace)):
        assert await handle.result() == "ready"
    end = await world.end(ref)
    assert end["content"]
    assert end["status"] == ("ready", None, None, 1)
    assert end["counts"] == (4, None, 4)
    assert "Matter2" in end["passages"][2][2]
    assert {position for position, _ in end["vectors"]} == {0, 1, 2, 3}
    assert len(end["kept"]) == len(set(end["vectors"].values()))


async def test_what_is_stopped_by_an_operator_says_so_and_can_be_tried_again(
    world: World,
) -> None:
    ref = await world.knowledge.add(OLD)

    async def stop() -> None:
        await handle.cancel()

    handle = await world.start(ref)
    async with world.worker(Process(happens_after=8, event=stop)):
        assert await ended(handle) == "CancelledError"
        document = await world.knowledge.document(ref)
        assert (document.status, document.error) == (
            "failed",
            "Its ingestion was stopped. Try it again.",
        )
        handle = await world.start(ref)
        assert await handle.result() == "ready"


async def test_who_is_over_its_share_waits_with_a_timer_and_does_not_fail(
    patient: World, time_skipping_env: WorkflowEnvironment
) -> None:
    world, time = patient, time_skipping_env.get_current_time
    ref = await world.knowledge.add(OLD)
    asked = 0

    class InALongTime:
        async def turn(self, *_who: object, **_what: object) -> float | None:
            nonlocal asked
            asked += 1
            # More than the hour that a step may be tried for.
            return (await time()).timestamp() + 7200 if asked <= 4 else None

    handle = await world.start(ref)
    async with world.worker(Process(), quota=InALongTime()):
        assert await handle.result() == "ready"
    assert (await world.knowledge.document(ref)).status == "ready"
    history = await handle.fetch_history()
    timers = [event for event in history.events if event.HasField("timer_started_event_attributes")]
    assert len(timers) == 4
    failures = [
        event for event in history.events if event.HasField("activity_task_failed_event_attributes")
    ]
    assert failures == []
