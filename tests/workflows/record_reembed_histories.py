"""Records the histories that later versions must still replay.

Run it (`python -m tests.workflows.record_reembed_histories`) when the workflow changes on purpose,
and keep the old files for as long as runs of that version may be open.
"""

import asyncio
import re
from pathlib import Path

from openai import AsyncOpenAI
from temporalio.testing import WorkflowEnvironment

from adapters.postgres.database import Database
from adapters.temporal.plugin import parley_plugin
from adapters.vectors.pgvector import PgVectorIndex
from contracts.ids import reembedding_workflow_id
from migrations import upgrade
from tests.embedding_server import EmbeddingServer, Failure
from tests.http_server import serving
from tests.knowledge import new_knowledge
from tests.servers import TIME_SKIPPING_SERVER, make_directory, running_postgres
from tests.workflows.ingestion_worker import KEY_RING
from tests.workflows.reembedding_world import DAYS, NEW, World

DIRECTORY = Path(__file__).parent.parent / "histories" / "reembed_knowledge_base"
SETTLE_SECONDS = 0.3
"""Lets Temporal's core finish: see `tests/conftest.py`."""


async def record() -> None:
    server = EmbeddingServer()
    async with (
        running_postgres(make_directory()) as postgres,
        serving(server.application) as url,
        AsyncOpenAI(base_url=f"{url}/v1", api_key="test") as openai,
        await WorkflowEnvironment.start_time_skipping(
            test_server_existing_path=str(TIME_SKIPPING_SERVER)
        ) as environment,
    ):
        await postgres.ensure_database("histories")
        await upgrade(postgres.url("histories"))
        database = Database(postgres.url("histories"))
        client = await environment.connect_client(plugins=[parley_plugin(KEY_RING)])
        for name, failures in (
            ("moved", []),
            ("retried", [Failure(503)]),
            ("failed", [Failure(401)]),
        ):
            world = World(await new_knowledge(database), openai, PgVectorIndex(database))
            await world.add(*DAYS)
            await world.aim(NEW)
            server.failures += failures
            async with world.working(client) as queue:
                await world.move(client, queue)
            workflow_id = reembedding_workflow_id(world.ref.knowledge_base_id)
            history = await client.get_workflow_handle(workflow_id).fetch_history()
            (DIRECTORY / f"{name}.json").write_text(_anonymous(history.to_json()))
        await database.close()
        await asyncio.sleep(SETTLE_SECONDS)


def _anonymous(history: str) -> str:
    history = re.sub(r'"stackTrace": "(?:[^"\\]|\\.)*"', '"stackTrace": ""', history)
    return re.sub(r'"identity": "[^"]*"', '"identity": "worker"', history)


if __name__ == "__main__":
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    asyncio.run(record())
