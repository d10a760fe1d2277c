"""Records the histories that later versions must still replay.

Run it (`python -m tests.workflows.record_ingest_histories`) when the workflow changes on purpose,
and keep the old files for as long as runs of that version may be open.
"""

import asyncio
import re
from pathlib import Path

from openai import AsyncOpenAI
from temporalio.testing import WorkflowEnvironment

from adapters.postgres.database import Database
from adapters.temporal.plugin import parley_plugin
from migrations import upgrade
from tests.embedding_server import EmbeddingServer, Failure
from tests.http_server import serving
from tests.ingestion import ingestion_activities
from tests.knowledge import new_knowledge
from tests.servers import TIME_SKIPPING_SERVER, make_directory, running_postgres
from tests.workflows.ingestion_worker import (
    KEY_RING,
    MortalActivities,
    ingest,
    ingesting,
)

DIRECTORY = Path(__file__).parent.parent / "histories" / "ingest_document"
LONG = "\n\n".join(f"# Rule {n}\n\n" + f"Subject{n} has these words. " * 90 for n in range(150))
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
        knowledge = await new_knowledge(database)
        real = ingestion_activities(knowledge, openai)
        dies = {"before chunk_document", "after activate_version"}
        for name, content, activities in (
            ("ready", LONG, MortalActivities(real)),
            ("failed", b"%PDF-1.7\nnot really a PDF", MortalActivities(real)),
            ("retried", "We deliver to Lisbon.", MortalActivities(real, dies=dies)),
        ):
            if name == "retried":
                server.failures.append(Failure(503))
            ref = await knowledge.add(content)
            async with ingesting(client, activities) as queue:
                await ingest(client, ref, queue=queue)
            handle = client.get_workflow_handle(f"ingest/{ref.document_id}")
            history = await handle.fetch_history()
            (DIRECTORY / f"{name}.json").write_text(_anonymous(history.to_json()))
        await database.close()
        await asyncio.sleep(SETTLE_SECONDS)


def _anonymous(history: str) -> str:
    history = re.sub(r'"stackTrace": "(?:[^"\\]|\\.)*"', '"stackTrace": ""', history)
    return re.sub(r'"identity": "[^"]*"', '"identity": "worker"', history)


if __name__ == "__main__":
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    asyncio.run(record())
