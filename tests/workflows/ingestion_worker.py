"""A worker for ingestion whose steps die on demand, as a machine does: before or after the work."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker
from ulid import ULID

from activities.ingestion import IngestionActivities
from adapters.keyring import KeyRing
from contracts.ingestion import (
    ActivatedVersion,
    ActivateVersion,
    ChunkedDocument,
    EmbeddingTurn,
    EmbedPassages,
    FailedDocument,
    IngestDocument,
)
from workflows.ingest_document import IngestDocumentWorkflow

KEY_RING = KeyRing(["a key ring for tests, long enough to be one"])

Result = TypeVar("Result")


class MortalActivities:
    """The real activities; each dies once at the named points: `before chunk_document`, …"""

    def __init__(self, real: IngestionActivities, *, dies: set[str] | None = None) -> None:
        self._real = real
        self._dies = dies or set()
        self.out_of_patience = False
        """The first failure is the last that a step may have."""

    @activity.defn(name="chunk_document")
    async def chunk_document(self, request: IngestDocument) -> ChunkedDocument:
        return await self._run(lambda: self._real.chunk_document(request))

    @activity.defn(name="embed_passages")
    async def embed_passages(self, request: EmbedPassages) -> EmbeddingTurn | None:
        return await self._run(lambda: self._real.embed_passages(request))

    @activity.defn(name="activate_version")
    async def activate_version(self, request: ActivateVersion) -> ActivatedVersion | None:
        return await self._run(lambda: self._real.activate_version(request))

    @activity.defn(name="fail_document")
    async def fail_document(self, request: FailedDocument) -> None:
        await self._run(lambda: self._real.fail_document(request))

    @activity.defn(name="discard_document")
    async def discard_document(self, request: IngestDocument) -> bool:
        return await self._run(lambda: self._real.discard_document(request))

    async def _run(self, step: Callable[[], Awaitable[Result]]) -> Result:
        name = activity.info().activity_type
        self._die(f"before {name}")
        try:
            result = await step()
        except ApplicationError as error:
            if self.out_of_patience and not error.non_retryable:
                raise ApplicationError(
                    error.message, type=error.type, non_retryable=True
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
            activities.discard_document,
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
