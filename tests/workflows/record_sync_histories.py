"""Records the histories that later versions must still replay.

Run it (`python -m tests.workflows.record_sync_histories`) when the workflow changes on purpose, and
keep the old files for as long as runs of that version may be open.
"""

import asyncio
import re
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle

from adapters.temporal.plugin import parley_plugin
from tests.servers import make_directory, running_temporal
from tests.workflows.ingestion_worker import KEY_RING
from tests.workflows.source_world import SourceWorld, start, syncing

DIRECTORY = Path(__file__).parent.parent / "histories" / "sync_source"
SETTLE_SECONDS = 0.3
"""Lets Temporal's core finish: see `tests/conftest.py`."""


async def record() -> None:
    async with running_temporal(make_directory()) as server:
        client = await Client.connect(server.address, plugins=[parley_plugin(KEY_RING)])
        async with syncing(client, SourceWorld(parallel=3, pages_to_remove=2)) as queue:
            await _keep("synced", client, await start(client, queue))
        async with syncing(client, SourceWorld(found={10: 7})) as queue:
            await _keep("continued", client, await start(client, queue, batches_per_run=2))
        async with syncing(client, SourceWorld(refused={"list_source": "SourceFailed"})) as queue:
            await _keep("failed", client, await start(client, queue))
        world = SourceWorld(holding=asyncio.Event())
        async with syncing(client, world) as queue:
            handle = await start(client, queue)
            await world.fetching.wait()
            await handle.cancel()
            await _keep("cancelled", client, handle)
    await asyncio.sleep(SETTLE_SECONDS)


async def _keep(name: str, client: Client, handle: WorkflowHandle[Any, Any]) -> None:
    try:
        await handle.result()
    except WorkflowFailureError:
        if name != "cancelled":
            raise
    first = client.get_workflow_handle(handle.id, run_id=handle.result_run_id)
    history = (await first.fetch_history()).to_json()
    (DIRECTORY / f"{name}.json").write_text(_anonymous(history))


def _anonymous(history: str) -> str:
    history = re.sub(r'"stackTrace": "(?:[^"\\]|\\.)*"', '"stackTrace": ""', history)
    return re.sub(r'"identity": "[^"]*"', '"identity": "worker"', history)


if __name__ == "__main__":
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    asyncio.run(record())
