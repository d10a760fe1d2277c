"""A source that has what it is told, for the workflow that syncs it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from temporalio import activity, workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker
from ulid import ULID

from contracts.ids import DocumentId, KnowledgeBaseId, OrganizationId, SourceId, SourceRunId
from contracts.ingestion import IngestDocument
from contracts.names import INGEST_DOCUMENT_WORKFLOW, INGESTION_QUEUE
from contracts.sources import (
    BeginSync,
    FinishedSync,
    FinishSync,
    RemovedVanished,
    SourceRef,
    SyncBatch,
    SyncedBatch,
    SyncProgress,
    SyncRef,
    SyncSource,
)
from workflows.sync_source import SyncSourceWorkflow

RUN = SourceRunId("run_1")


@dataclass
class SourceWorld:
    """Activities that tell what they were asked."""

    name: str = field(default_factory=lambda: str(ULID()))
    items: int = 25
    parallel: int = 1
    found: dict[int, int] = field(default_factory=dict)
    """Items that the source turns out to have after the batch that begins there."""
    refused: dict[str, str] = field(default_factory=dict)
    """Types of failure of steps, by their names."""
    pages_to_remove: int = 1
    holding: asyncio.Event | None = None
    """A batch waits for it."""
    batches: list[tuple[int, int]] = field(default_factory=list)
    finished: list[str | None] = field(default_factory=list)
    """Errors that runs have ended with."""
    began: int = 0
    removals: int = 0
    fetching: asyncio.Event = field(default_factory=asyncio.Event)

    def activities(self) -> Sequence[Callable[..., Any]]:
        @activity.defn(name="begin_sync")
        async def begin_sync(_request: BeginSync) -> SyncProgress:
            self._refuse("begin_sync")
            self.began += 1
            return SyncProgress(run_id=RUN)

        @activity.defn(name="list_source")
        async def list_source(_sync: SyncRef) -> SyncProgress:
            self._refuse("list_source")
            return SyncProgress(run_id=RUN, total=self.items, parallel=self.parallel)

        @activity.defn(name="sync_batch")
        async def sync_batch(request: SyncBatch) -> SyncedBatch:
            self._refuse("sync_batch")
            self.fetching.set()
            if self.holding is not None:
                beating = asyncio.create_task(_beat())
                try:
                    await self.holding.wait()
                finally:
                    beating.cancel()
            self.batches.append((request.start, request.end))
            self.items += self.found.pop(request.start, 0)
            return SyncedBatch(total=self.items, documents=(self.document(request.start),))

        @activity.defn(name="remove_vanished")
        async def remove_vanished(_sync: SyncRef) -> RemovedVanished:
            self.removals += 1
            return RemovedVanished(removed=1, more=self.removals < self.pages_to_remove)

        @activity.defn(name="finish_sync")
        async def finish_sync(request: FinishSync) -> FinishedSync:
            self._refuse("finish_sync")
            self.finished.append(request.error)
            return FinishedSync(status="failed" if request.error else "succeeded")

        return [begin_sync, list_source, sync_batch, remove_vanished, finish_sync]

    def document(self, start: int) -> DocumentId:
        """What comes of the batch that begins there."""
        return DocumentId(f"doc_{self.name}_{start}")

    def _refuse(self, step: str) -> None:
        if (kind := self.refused.get(step)) is not None:
            raise ApplicationError(f"{step} has failed.", type=kind, non_retryable=True)


async def _beat() -> None:
    while True:
        activity.heartbeat()
        await asyncio.sleep(0.1)


@workflow.defn(name=INGEST_DOCUMENT_WORKFLOW)
class QuickIngestion:
    @workflow.run
    async def run(self, _document: IngestDocument) -> str:
        await workflow.sleep(0.2)
        return "ready"


@asynccontextmanager
async def syncing(client: Client, world: SourceWorld) -> AsyncIterator[str]:
    """Workers, the first of them on a queue of its own."""
    queue = f"sources-{ULID()}"
    async with (
        Worker(
            client,
            task_queue=queue,
            workflows=[SyncSourceWorkflow],
            activities=world.activities(),
        ),
        Worker(client, task_queue=INGESTION_QUEUE, workflows=[QuickIngestion]),
    ):
        yield queue


async def start(
    client: Client, queue: str, *, batches_per_run: int | None = None
) -> WorkflowHandle[SyncSourceWorkflow, FinishedSync | None]:
    return await client.start_workflow(
        SyncSourceWorkflow.run,
        SyncSource(
            source=SourceRef(
                organization_id=OrganizationId("org_1"),
                knowledge_base_id=KnowledgeBaseId("kb_1"),
                source_id=SourceId("src_1"),
            ),
            batches_per_run=batches_per_run,
        ),
        id=f"sync/{ULID()}",
        task_queue=queue,
    )
