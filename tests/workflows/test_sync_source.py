"""A source's sync as Temporal runs it: everything is taken once, and every end is written down."""

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowFailureError, WorkflowHistory
from temporalio.exceptions import CancelledError
from temporalio.worker import Replayer

from adapters.temporal.plugin import parley_plugin
from contracts.ids import ingestion_workflow_id
from contracts.sources import FinishedSync
from tests.servers import ConnectTemporal
from tests.workflows.ingestion_worker import KEY_RING
from tests.workflows.source_world import SourceWorld, start, syncing
from workflows.sync_source import STOPPED, UNEXPECTED, SyncSourceWorkflow

HISTORIES = sorted((Path(__file__).parent.parent / "histories" / "sync_source").glob("*.json"))


@pytest.fixture
async def client(connect_temporal: ConnectTemporal) -> Client:
    return await connect_temporal(plugins=[parley_plugin(KEY_RING)])


@pytest.mark.parametrize("batches_per_run", [None, 1, 2])
@pytest.mark.parametrize("parallel", [1, 3])
async def test_every_item_is_taken_once_in_however_many_runs(
    client: Client, parallel: int, batches_per_run: int | None
) -> None:
    world = SourceWorld(items=25, parallel=parallel, found={10: 7}, pages_to_remove=3)
    async with syncing(client, world) as queue:
        handle = await start(client, queue, batches_per_run=batches_per_run)
        assert await handle.result() == FinishedSync(status="succeeded")
    taken = sorted(world.batches)
    assert (taken[0][0], taken[-1][1]) == (0, 32)
    assert all(one[1] == following[0] for one, following in pairwise(taken))
    assert (world.began, world.removals, world.finished) == (1, 3, [None])


@pytest.mark.parametrize(
    ("step", "kind", "error"),
    [
        ("list_source", "SourceFailed", "list_source has failed."),
        ("sync_batch", "SourceFailed", "sync_batch has failed."),
        ("sync_batch", "ValueError", UNEXPECTED),
    ],
)
async def test_what_could_not_be_read_removes_nothing_and_is_told(
    client: Client, step: str, kind: str, error: str
) -> None:
    world = SourceWorld(refused={step: kind})
    async with syncing(client, world) as queue:
        finished = await (await start(client, queue)).result()
    assert finished == FinishedSync(status="failed")
    assert (world.removals, world.finished) == (0, [error])


async def test_a_sync_of_a_source_that_is_gone_ends_in_peace(client: Client) -> None:
    for step in ("begin_sync", "finish_sync"):
        world = SourceWorld(items=1, refused={step: "SourceGone"})
        async with syncing(client, world) as queue:
            assert await (await start(client, queue)).result() is None


async def test_a_sync_that_is_cancelled_says_so_and_removes_nothing(client: Client) -> None:
    world = SourceWorld(holding=asyncio.Event())
    async with syncing(client, world) as queue:
        handle = await start(client, queue)
        await world.fetching.wait()
        await handle.cancel()
        with pytest.raises(WorkflowFailureError) as raised:
            await handle.result()
    assert isinstance(raised.value.cause, CancelledError)
    assert (world.removals, world.finished) == (0, [STOPPED])


async def test_a_document_that_is_being_ingested_is_ingested_again_afterwards(
    client: Client,
) -> None:
    world = SourceWorld(items=1)
    async with syncing(client, world) as queue:
        first, second = await start(client, queue), await start(client, queue)
        await asyncio.gather(first.result(), second.result())
        document = client.get_workflow_handle(ingestion_workflow_id(world.document(0)))
        assert await document.result() == "ready"
    assert world.finished == [None, None]


def test_there_are_histories() -> None:
    assert {path.stem for path in HISTORIES} == {"synced", "continued", "failed", "cancelled"}


@pytest.fixture(params=HISTORIES, ids=lambda path: path.stem)
def history(request: pytest.FixtureRequest) -> WorkflowHistory:
    path: Path = request.param
    return WorkflowHistory.from_json(path.stem, path.read_text())


async def test_a_recorded_sync_replays(history: WorkflowHistory) -> None:
    replayer = Replayer(workflows=[SyncSourceWorkflow], plugins=[parley_plugin(KEY_RING)])
    await replayer.replay_workflow(history)
