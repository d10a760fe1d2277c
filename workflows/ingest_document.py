"""Makes one document searchable: read and cut, embed batch by batch, switch on."""

from collections import deque
from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    TimeoutError,
    is_cancelled_exception,
)

with workflow.unsafe.imports_passed_through():
    from contracts.activities import (
        activate_version,
        chunk_document,
        embed_passages,
        fail_document,
    )
    from contracts.ingestion import (
        ActivateVersion,
        ChunkedDocument,
        DocumentStatus,
        EmbedPassages,
        FailedDocument,
        IngestDocument,
    )
    from contracts.names import INGEST_DOCUMENT_WORKFLOW

BATCH: Final = 64
"""Passages of an activity: some 16 seconds on a CPU, one request to a provider."""
PARALLEL_BATCHES: Final = 2
"""One is embedded while the other's vectors are written."""

PATIENCE: Final = timedelta(hours=1)
"""How long a step waits for a service that is down before the document fails."""
RETRIES: Final = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=60)
)
HEARTBEAT: Final = timedelta(seconds=30)

UNEXPECTED: Final = "Something went wrong on our side while reading the document. Upload it again."
TOO_LONG: Final = "A service that is needed did not answer for too long. Try again later."

_SENTENCES: Final = frozenset(
    ["UnreadableDocument", "OtherModel", "DocumentGone", "ModelServerError", "VectorIndexError"]
)
"""Types of failure whose message was written for a person."""


@workflow.defn(name=INGEST_DOCUMENT_WORKFLOW)
class IngestDocumentWorkflow:
    """Ends with the document `ready` or `failed`; the workflow itself completes in both cases."""

    @workflow.run
    async def run(self, document: IngestDocument) -> DocumentStatus:
        try:
            await self._ingest(document)
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            await self._fail(document, _sentence(error))
            return "failed"
        return "ready"

    async def _ingest(self, document: IngestDocument) -> None:
        _show("reading the document")
        chunked = await workflow.execute_activity(
            chunk_document,
            document,
            start_to_close_timeout=timedelta(minutes=10),
            schedule_to_close_timeout=PATIENCE,
            heartbeat_timeout=HEARTBEAT,
            retry_policy=RETRIES,
            summary="read and cut the document",
        )
        if not chunked.unchanged:
            await self._embed(document, chunked)
        _show(f"switching {chunked.passage_count} passages on")
        await workflow.execute_activity(
            activate_version,
            ActivateVersion(
                document=document,
                version=chunked.version,
                passage_count=chunked.passage_count,
                content_sha256=chunked.content_sha256,
            ),
            start_to_close_timeout=timedelta(minutes=5),
            schedule_to_close_timeout=PATIENCE,
            heartbeat_timeout=HEARTBEAT,
            retry_policy=RETRIES,
            summary=f"switch version {chunked.version} on and remove the one before",
        )
        _show(f"ready: {chunked.passage_count} passages")

    async def _embed(self, document: IngestDocument, chunked: ChunkedDocument) -> None:
        running: deque[workflow.ActivityHandle[None]] = deque()
        try:
            for start in range(0, chunked.passage_count, BATCH):
                if len(running) == PARALLEL_BATCHES:
                    await running.popleft()
                running.append(_start_batch(document, chunked, start))
                _show(f"embedding passages: {start} of {chunked.passage_count} and more")
            while running:
                await running.popleft()
        except BaseException:
            for batch in running:
                batch.cancel()
            raise

    async def _fail(self, document: IngestDocument, sentence: str) -> None:
        _show(f"failed: {sentence}")
        try:
            await workflow.execute_activity(
                fail_document,
                FailedDocument(document=document, error=sentence),
                start_to_close_timeout=timedelta(seconds=30),
                schedule_to_close_timeout=timedelta(days=1),
                retry_policy=RETRIES,
                summary="show the reason on the document",
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            workflow.logger.error("document_failure_not_recorded")


def _start_batch(
    document: IngestDocument, chunked: ChunkedDocument, start: int
) -> workflow.ActivityHandle[None]:
    end = min(start + BATCH, chunked.passage_count)
    return workflow.start_activity(
        embed_passages,
        EmbedPassages(
            document=document,
            version=chunked.version,
            start=start,
            end=end,
            passage_count=chunked.passage_count,
        ),
        start_to_close_timeout=timedelta(minutes=10),
        schedule_to_close_timeout=PATIENCE,
        heartbeat_timeout=HEARTBEAT,
        retry_policy=RETRIES,
        summary=f"embed passages {start + 1}-{end} of {chunked.passage_count}",
    )


def _sentence(error: ActivityError) -> str:
    """What to tell: a step that ran out of patience carries its last failure as a cause."""
    cause = error.cause
    timed_out = isinstance(cause, TimeoutError)
    while cause is not None:
        if isinstance(cause, ApplicationError) and cause.type in _SENTENCES:
            return cause.message
        cause = cause.__cause__
    return TOO_LONG if timed_out else UNEXPECTED


def _show(details: str) -> None:
    workflow.set_current_details(details)
