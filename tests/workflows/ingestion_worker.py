"""A worker for ingestion whose steps die on demand, as a machine does: before or after the work."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TypeVar

from openai import AsyncOpenAI
from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker
from ulid import ULID

from activities.ingestion import IngestionActivities
from adapters.keyring import KeyRing
from adapters.openai.embeddings import Embeddings
from adapters.parsing.parser import DocumentParser
from adapters.postgres.ingestion import Ingestions
from adapters.vectors.pgvector import PgVectorIndex
from contracts.ingestion import (
    ActivateVersion,
    ChunkedDocument,
    EmbedPassages,
    FailedDocument,
    IngestDocument,
)
from tests.knowledge import MODEL, Knowledge, MemoryUsage
from workflows.ingest_document import IngestDocumentWorkflow

KEY_RING = KeyRing(["a key ring for tests, long enough to be one"])

Result = TypeVar("Result")


def ingestion_activities(knowledge: Knowledge, client: AsyncOpenAI) -> IngestionActivities:
    return IngestionActivities(
        Ingestions(knowledge.database),
        contents=knowledge.contents,
        parser=DocumentParser(),
        embeddings=Embeddings(client, model=MODEL, count_tokens=words),
        index=PgVectorIndex(knowledge.database),
        count_tokens=words,
        usage=MemoryUsage(),
    )


def words(text: str) -> int:
    return len(text.split())


class MortalActivities:
    """The real activities; each dies once at the named points: `before chunk_document`, …"""

    def __init__(self, real: IngestionActivities, *, dies: set[str] | None = None) -> None:
        self._real = real
        self._dies = dies or set()
        self.out_of_patience = False
        """A retry would come after all the time that a step has: the first failure is final."""

    @activity.defn(name="chunk_document")
    async def chunk_document(self, request: IngestDocument) -> ChunkedDocument:
        return await self._run(lambda: self._real.chunk_document(request))

    @activity.defn(name="embed_passages")
    async def embed_passages(self, request: EmbedPassages) -> None:
        await self._run(lambda: self._real.embed_passages(request))

    @activity.defn(name="activate_version")
    async def activate_version(self, request: ActivateVersion) -> None:
        await self._run(lambda: self._real.activate_version(request))

    @activity.defn(name="fail_document")
    async def fail_document(self, request: FailedDocument) -> None:
        await self._run(lambda: self._real.fail_document(request))

    async def _run(self, step: Callable[[], Awaitable[Result]]) -> Result:
        name = activity.info().activity_type
        self._die(f"before {name}")
        try:
            result = await step()
        except ApplicationError as error:
            if self.out_of_patience and not error.non_retryable:
                raise ApplicationError(
                    error.message, type=error.type, next_retry_delay=timedelta(days=2)
                ) from error
            raise
        self._die(f"after {name}")
        return result

    def _die(self, point: str) -> None:
        if point in self._dies:
            self._dies.remove(point)
            raise RuntimeError(point)


@asynccontextmanager
async def ingesting(client: Client, activities: MortalActivities) -> AsyncIterator[str]:
    """A running worker on a task queue of its own."""
    queue = f"ingestion-{ULID()}"
    async with Worker(
        client,
        task_queue=queue,
        workflows=[IngestDocumentWorkflow],
        activities=[
            activities.chunk_document,
            activities.embed_passages,
            activities.activate_version,
            activities.fail_document,
        ],
    ):
        yield queue


async def ingest(client: Client, ref: IngestDocument, *, queue: str) -> str:
    """How the document ended; the id of the workflow is the document's."""
    return str(
        await client.execute_workflow(
            IngestDocumentWorkflow.run, ref, id=f"ingest/{ref.document_id}", task_queue=queue
        )
    )
