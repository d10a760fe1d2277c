"""Brings a knowledge base up to date with one of its sources: list, fetch, ingest, remove.

What there is to do is a list in PostgreSQL; this only says who takes which part of it when. A sync
that is cut off anywhere leaves what was there, and the next one goes over all of it again.
"""

import asyncio
from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import (
    Priority,
    RetryPolicy,
    SearchAttributePair,
    TypedSearchAttributes,
)
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    ChildWorkflowError,
    WorkflowAlreadyStartedError,
    is_cancelled_exception,
)

from workflows.failures import failure_type

with workflow.unsafe.imports_passed_through():
    from contracts import activities
    from contracts.ids import DocumentId, ingestion_workflow_id
    from contracts.ingestion import IngestDocument
    from contracts.names import (
        INGEST_DOCUMENT_WORKFLOW,
        INGESTION_QUEUE,
        ORGANIZATION_ID,
        SYNC_SOURCE_WORKFLOW,
    )
    from contracts.sources import (
        BEHIND_UPLOADS,
        BeginSync,
        FinishedSync,
        FinishSync,
        SyncBatch,
        SyncProgress,
        SyncRef,
        SyncSource,
    )

BATCH: Final = 10
"""Items of an activity, taken one after the other: most are unchanged and cost one request."""
INGESTED_AT_ONCE: Final = 3

HEARTBEAT: Final = timedelta(seconds=30)
STORAGE: Final = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1)
)
LISTING: Final = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    maximum_attempts=3,
)
"""Few: the next sync tries again, and the owner wants to know."""
PATIENCE: Final = timedelta(hours=1)
"""With a store that does not answer."""
LONGEST_BATCH: Final = timedelta(hours=1)

FIRST_PAUSE: Final = timedelta(seconds=2)
LONGEST_PAUSE: Final = timedelta(minutes=1)
TRIES_TO_INGEST: Final = 30
"""While an earlier ingestion of the document goes on."""

STOPPED: Final = "The sync was stopped before it had come to its end. What was there is kept."
UNEXPECTED: Final = "Something went wrong on our side. What was there is kept; sync it again."


@workflow.defn(name=SYNC_SOURCE_WORKFLOW)
class SyncSourceWorkflow:
    """Ends with its run's outcome recorded, whatever happens; None when the source is gone."""

    @workflow.init
    def __init__(self, request: SyncSource) -> None:
        self._request = request
        self._source = request.source
        self._progress = request.progress
        self._slots = asyncio.Semaphore(INGESTED_AT_ONCE)
        self._batches = 0
        self._ingested = 0

    @workflow.run
    async def run(self, request: SyncSource) -> FinishedSync | None:  # noqa: ARG002 - taken by __init__
        try:
            await self._sync()
        except (ActivityError, asyncio.CancelledError) as error:
            stopped = is_cancelled_exception(error)
            # The run's row must not say for ever that it goes on.
            finished = await self._finish(STOPPED if stopped else _sentence(error))
            if stopped:
                raise
            return finished
        return await self._finish(None)

    async def _sync(self) -> None:
        if self._progress is None:
            self._show("beginning")
            self._progress = await self._begin()
            self._show("asking what the source has")
            self._progress = await self._list()
        await self._fetch_all()
        await self._remove_vanished()

    async def _begin(self) -> SyncProgress:
        return await workflow.execute_activity(
            activities.begin_sync,
            BeginSync(source=self._source, workflow_id=workflow.info().workflow_id),
            start_to_close_timeout=timedelta(seconds=30),
            schedule_to_close_timeout=PATIENCE,
            retry_policy=STORAGE,
            summary="open the run",
        )

    async def _list(self) -> SyncProgress:
        return await workflow.execute_activity(
            activities.list_source,
            self._sync_ref,
            start_to_close_timeout=timedelta(minutes=30),
            heartbeat_timeout=HEARTBEAT,
            retry_policy=LISTING,
            summary="list what the source has",
        )

    async def _fetch_all(self) -> None:
        running: list[asyncio.Task[None]] = []
        try:
            while True:
                progress = self._now
                while len(running) < progress.parallel and not self._should_continue_as_new():
                    if (bounds := self._take()) is None:
                        break
                    running.append(asyncio.create_task(self._run_batch(*bounds)))
                if not running:
                    break
                done, pending = await workflow.wait(running, return_when=asyncio.FIRST_COMPLETED)
                running = list(pending)
                for task in done:
                    await task
        except BaseException:
            for task in running:
                task.cancel()
            raise
        if self._now.next < self._now.total:
            workflow.continue_as_new(self._request.model_copy(update={"progress": self._progress}))

    def _take(self) -> tuple[int, int] | None:
        """The next items, which nobody else takes then."""
        progress = self._now
        if progress.next >= progress.total:
            return None
        end = min(progress.next + BATCH, progress.total)
        self._progress = progress.model_copy(update={"next": end})
        self._batches += 1
        return progress.next, end

    async def _run_batch(self, start: int, end: int) -> None:
        batch = await workflow.execute_activity(
            activities.sync_batch,
            SyncBatch(sync=self._sync_ref, start=start, end=end),
            start_to_close_timeout=LONGEST_BATCH,
            heartbeat_timeout=HEARTBEAT,
            retry_policy=LISTING,
            summary=f"fetch items {start + 1}-{end} of {self._now.total} and more",
        )
        now = self._now
        self._progress = now.model_copy(
            update={
                "total": max(now.total, batch.total),
                "fetched": now.fetched + end - start,
            }
        )
        self._show(f"{self._now.fetched} of {self._now.total} items fetched")
        await asyncio.gather(*(self._ingest(document) for document in batch.documents))

    async def _ingest(self, document_id: DocumentId) -> None:
        """Have it ingested; the document itself tells how that ended."""
        async with self._slots:
            pause = FIRST_PAUSE
            for _ in range(TRIES_TO_INGEST):
                try:
                    await self._execute_ingestion(document_id)
                except WorkflowAlreadyStartedError:
                    # Of an earlier content. It ends, and finds nothing to do when there is none.
                    await workflow.sleep(pause, summary="an earlier ingestion goes on")
                    pause = min(2 * pause, LONGEST_PAUSE)
                except ChildWorkflowError:
                    return
                else:
                    self._ingested += 1
                    return

    async def _execute_ingestion(self, document_id: DocumentId) -> None:
        owner = self._source.organization_id
        await workflow.execute_child_workflow(
            INGEST_DOCUMENT_WORKFLOW,
            IngestDocument(
                organization_id=owner,
                knowledge_base_id=self._source.knowledge_base_id,
                document_id=document_id,
            ),
            id=ingestion_workflow_id(document_id),
            task_queue=INGESTION_QUEUE,
            # A sync that is stopped leaves what it has fetched to be read.
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            cancellation_type=workflow.ChildWorkflowCancellationType.ABANDON,
            priority=Priority(priority_key=BEHIND_UPLOADS, fairness_key=owner),
            search_attributes=TypedSearchAttributes([SearchAttributePair(ORGANIZATION_ID, owner)]),
        )

    async def _remove_vanished(self) -> None:
        removed, more = 0, True
        while more:
            page = await workflow.execute_activity(
                activities.remove_vanished,
                self._sync_ref,
                start_to_close_timeout=timedelta(minutes=30),
                schedule_to_close_timeout=PATIENCE,
                heartbeat_timeout=HEARTBEAT,
                retry_policy=STORAGE,
                summary="remove what the source has no more",
            )
            removed, more = removed + page.removed, page.more
            self._show(f"{removed} documents removed")

    async def _finish(self, error: str | None) -> FinishedSync | None:
        if self._progress is None:
            return None
        try:
            finished = await workflow.execute_activity(
                activities.finish_sync,
                FinishSync(sync=self._sync_ref, error=error),
                start_to_close_timeout=timedelta(minutes=5),
                schedule_to_close_timeout=timedelta(days=1),
                retry_policy=STORAGE,
                summary="write down how it ended",
            )
        except ActivityError as failure:
            if failure_type(failure) != "SourceGone":
                raise
            self._show("the source was deleted")
            return None
        self._show(
            f"{finished.status}: {finished.added} added, {finished.changed} changed, "
            f"{finished.unchanged} unchanged, {finished.removed} removed, "
            f"{finished.failed} failed"
        )
        return finished

    @property
    def _now(self) -> SyncProgress:
        assert self._progress is not None  # noqa: S101 - it has begun
        return self._progress

    @property
    def _sync_ref(self) -> SyncRef:
        return SyncRef(source=self._source, run_id=self._now.run_id)

    def _should_continue_as_new(self) -> bool:
        return (
            workflow.info().is_continue_as_new_suggested()
            or self._batches == self._request.batches_per_run
        )

    def _show(self, doing: str) -> None:
        workflow.set_current_details(
            f"**Now:** {doing}\n\n**Source:** {self._source.source_id}\n\n"
            f"**Documents ingested in this run:** {self._ingested}"
        )


def _sentence(error: BaseException) -> str:
    """What to tell the source's owner."""
    cause = error.__cause__
    if isinstance(cause, ApplicationError) and cause.type == "SourceFailed":
        return cause.message
    return UNEXPECTED
