"""A document's ingestion as Temporal runs it: whatever dies on the way, the end is the same."""

from pathlib import Path

import pytest
from openai import AsyncOpenAI
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHistory
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer

from adapters.postgres.database import Database
from adapters.temporal.plugin import parley_plugin
from tests.embedding_server import EmbeddingServer, Failure
from tests.ingestion import ingestion_activities
from tests.knowledge import Knowledge, new_knowledge
from tests.workflows.ingestion_worker import (
    KEY_RING,
    MortalActivities,
    ingest,
    ingesting,
)
from workflows.ingest_document import IngestDocumentWorkflow

HISTORIES = Path(__file__).parent.parent / "histories" / "ingest_document"

LONG = "\n\n".join(f"# Rule {n}\n\n" + f"Subject{n} has these words. " * 90 for n in range(150))
"""Some 150 passages: three batches."""


@pytest.fixture
async def client(time_skipping_env: WorkflowEnvironment) -> Client:
    return await time_skipping_env.connect_client(plugins=[parley_plugin(KEY_RING)])


@pytest.fixture
async def knowledge(database: Database) -> Knowledge:
    return await new_knowledge(database)


@pytest.fixture
def mortal(knowledge: Knowledge, embedding_client: AsyncOpenAI) -> MortalActivities:
    return MortalActivities(ingestion_activities(knowledge, embedding_client))


async def test_a_long_document_becomes_ready(
    client: Client,
    knowledge: Knowledge,
    mortal: MortalActivities,
    embedding_server: EmbeddingServer,
) -> None:
    ref = await knowledge.add(LONG)
    async with ingesting(client, mortal) as queue:
        assert await ingest(client, ref, queue=queue) == "ready"
    document = await knowledge.document(ref)
    assert (document.status, document.progress) == ("ready", 1)
    assert document.chunk_count == len(await knowledge.passages(ref)) > 128
    assert len(embedding_server.inputs) == len(set(embedding_server.inputs))


@pytest.mark.parametrize(
    "point",
    [
        f"{when} {step}"
        for step in ("chunk_document", "embed_passages", "activate_version")
        for when in ("before", "after")
    ],
)
async def test_a_step_that_dies_changes_nothing_in_the_end(
    client: Client, knowledge: Knowledge, embedding_client: AsyncOpenAI, point: str
) -> None:
    ref = await knowledge.add("We deliver to Lisbon.")
    mortal = MortalActivities(ingestion_activities(knowledge, embedding_client), dies={point})
    async with ingesting(client, mortal) as queue:
        assert await ingest(client, ref, queue=queue) == "ready"
    document = await knowledge.document(ref)
    assert (document.status, document.chunk_count) == ("ready", 1)
    [passage] = await knowledge.passages(ref)
    assert (passage.text, passage.version) == ("We deliver to Lisbon.", document.active_version)


async def test_what_cannot_be_read_fails_with_a_sentence_and_completes(
    client: Client, knowledge: Knowledge, mortal: MortalActivities
) -> None:
    ref = await knowledge.add(b"%PDF-1.7\nnot really a PDF")
    async with ingesting(client, mortal) as queue:
        assert await ingest(client, ref, queue=queue) == "failed"
    document = await knowledge.document(ref)
    assert document.status == "failed"
    assert document.error is not None
    assert "not a complete PDF" in document.error
    handle = client.get_workflow_handle(f"ingest/{ref.document_id}")
    assert (await handle.describe()).status is WorkflowExecutionStatus.COMPLETED


async def test_a_recorded_failure_survives_its_own_step_dying(
    client: Client, knowledge: Knowledge, embedding_client: AsyncOpenAI
) -> None:
    ref = await knowledge.add(b"\x89PNG\r\n\x1a\n and so on")
    real = ingestion_activities(knowledge, embedding_client)
    mortal = MortalActivities(real, dies={"before fail_document", "after fail_document"})
    async with ingesting(client, mortal) as queue:
        assert await ingest(client, ref, queue=queue) == "failed"
    assert "image" in ((await knowledge.document(ref)).error or "")


async def test_a_model_server_that_recovers_is_waited_for(
    client: Client,
    knowledge: Knowledge,
    mortal: MortalActivities,
    embedding_server: EmbeddingServer,
) -> None:
    embedding_server.failures += [Failure(500), Failure(503), Failure(429)]
    ref = await knowledge.add("We deliver to Lisbon.")
    async with ingesting(client, mortal) as queue:
        assert await ingest(client, ref, queue=queue) == "ready"
    assert (await knowledge.document(ref)).error is None


async def test_a_model_server_that_stays_down_is_said_so(
    client: Client,
    knowledge: Knowledge,
    mortal: MortalActivities,
    embedding_server: EmbeddingServer,
) -> None:
    embedding_server.down = mortal.out_of_patience = True
    ref = await knowledge.add("We deliver to Lisbon.")
    async with ingesting(client, mortal) as queue:
        assert await ingest(client, ref, queue=queue) == "failed"
        assert "503" in ((await knowledge.document(ref)).error or "")
        embedding_server.down = False
        assert await ingest(client, ref, queue=queue) == "ready"
    assert (await knowledge.document(ref)).error is None


async def test_a_refused_key_fails_at_once(
    client: Client,
    knowledge: Knowledge,
    mortal: MortalActivities,
    embedding_server: EmbeddingServer,
) -> None:
    embedding_server.failures += [Failure(401)]
    ref = await knowledge.add("We deliver to Lisbon.")
    async with ingesting(client, mortal) as queue:
        assert await ingest(client, ref, queue=queue) == "failed"
    assert "API key" in ((await knowledge.document(ref)).error or "")


async def test_its_history_tells_a_person_what_happened_and_no_contents(
    client: Client, knowledge: Knowledge, mortal: MortalActivities
) -> None:
    ref = await knowledge.add("We deliver to Lisbon. " * 20)
    async with ingesting(client, mortal) as queue:
        await ingest(client, ref, queue=queue)
    history = await client.get_workflow_handle(f"ingest/{ref.document_id}").fetch_history()
    summaries = [
        (await client.data_converter.decode([event.user_metadata.summary]))[0]
        for event in history.events
        if event.HasField("user_metadata")
    ]
    assert summaries == [
        "read and cut the document",
        "embed passages 1-1 of 1",
        "switch version 1 on and remove the one before",
    ]
    for event in history.events:
        attributes = event.activity_task_completed_event_attributes
        for payload in attributes.result.payloads:
            [decoded] = await client.data_converter.decode([payload])
            assert "Lisbon" not in str(decoded)


@pytest.mark.parametrize("history", sorted(HISTORIES.glob("*.json")), ids=lambda path: path.stem)
async def test_released_histories_still_replay(history: Path) -> None:
    replayer = Replayer(workflows=[IngestDocumentWorkflow], plugins=[parley_plugin(KEY_RING)])
    recorded = WorkflowHistory.from_json(history.stem, history.read_text())  # noqa: ASYNC240 - nothing else runs
    await replayer.replay_workflow(recorded)


def test_there_are_released_histories() -> None:
    assert {path.stem for path in HISTORIES.glob("*.json")} >= {"ready", "failed", "retried"}
