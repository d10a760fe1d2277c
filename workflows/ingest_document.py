"""Makes one document searchable: read and cut, embed batch by batch, switch on."""

import asyncio
from collections import deque
from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import (
    ActivityError,
    is_cancelled_exception,
)
from temporalio.workflow import ActivityCancellationType

from workflows.failures import failure_type, sentence_of

with workflow.unsafe.imports_passed_through():
    from contracts.activities import (
        activate_version,
        chunk_document,
        discard_document,
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
    from contracts.names import CONTENT_REPLACED, INGEST_DOCUMENT_WORKFLOW

BATCH: Final = 64
"""Passages of an activity: some 16 seconds on a CPU, one request to a provider, which takes 2,048
inputs and 300,000 tokens."""
PARALLEL_BATCHES: Final = 2
"""One is embedded while the other's vectors are written."""

RETRIES: Final = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    maximum_interval=timedelta(seconds=60),
    maximum_attempts=65,
)
"""About an hour for a service that is down. Attempts are counted, not time: of a thousand documents
the last one waits for its first attempt for as long as the others take."""
PATIENCE: Final = timedelta(days=1)
"""For what must not be left undone, such as telling the reason of a failure."""
UNTIL_DONE: Final = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=60)
)
HEARTBEAT: Final = timedelta(seconds=30)
SHORTEST_WAIT: Final = timedelta(seconds=1)
LOOKS_FOR_DELETION: Final = 6
"""Every 5 seconds: a deletion stops the ingestion before its own transaction is committed."""

UNEXPECTED: Final = "Something went wrong on our side while reading the document. Try it again."
TOO_LONG: Final = "A service that is needed did not answer for too long. Try it again later."
STOPPED: Final = "Its ingestion was stopped. Try it again."

_SENTENCES: Final = frozenset(
    ["UnreadableDocument", "OtherModel", "DocumentGone", "ModelServerError", "VectorIndexError"]
)
"""Types of failure whose message was written for a person."""


class _Replaced(Exception):
    """Another content was uploaded: what is being made of the one before is of no use."""


@workflow.defn(name=INGEST_DOCUMENT_WORKFLOW)
class IngestDocumentWorkflow:
    """Ends with the document `ready` or `failed`; the workflow itself completes in both cases.

    A content that is uploaded meanwhile is ingested by the same run: a document has one at a time.
    """

    def __init__(self) -> None:
        self._replaced = False
        self._batches: deque[asyncio.Task[None]] = deque()

    @workflow.signal(name=CONTENT_REPLACED)
    def content_replaced(self) -> None:
        """There is another content to ingest."""
        self._replaced = True

    @workflow.run
    async def run(self, document: IngestDocument) -> DocumentStatus:
        while True:
            self._replaced = False
            status = await self._attempt(document)
            # Nothing is awaited between this look and the end: a signal that comes in between makes
            # the server refuse the end.
            if status is not None and not self._replaced:
                return status

    async def _attempt(self, document: IngestDocument) -> DocumentStatus | None:
        """What became of the document; None when it has another content by now."""
        try:
            return "ready" if await self._ingest(document) else None
        except _Replaced:
            await self._batches_ended()
            return None
        except (ActivityError, asyncio.CancelledError) as error:
            if is_cancelled_exception(error):
                await self._stopped(document)
                raise
            if self._replaced:
                await self._batches_ended()
                return None
            await self._fail(
                document,
                sentence_of(error, told=_SENTENCES, too_long=TOO_LONG, unexpected=UNEXPECTED),
            )
            if failure_type(error) == "DocumentGone":
                await self._discard(document)
            return "failed"

    async def _ingest(self, document: IngestDocument) -> bool:
        """Whether what is searched now is made of the content that the document has."""
        _show("**Reading** the document")
        chunked = await workflow.execute_activity(
            chunk_document,
            document,
            start_to_close_timeout=timedelta(minutes=10),
            heartbeat_timeout=HEARTBEAT,
            retry_policy=RETRIES,
            cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            summary="read and cut the document",
        )
        if not chunked.unchanged:
            await self._embed(document, chunked)
        _go_on()
        _show(f"**Switching on** version {chunked.version}, {chunked.passage_count} passages")
        activated = await workflow.execute_activity(
            activate_version,
            ActivateVersion(
                document=document,
                version=chunked.version,
                passage_count=chunked.passage_count,
                content_sha256=chunked.content_sha256,
                replaced_sha256=chunked.replaced_sha256,
            ),
            start_to_close_timeout=timedelta(minutes=5),
            heartbeat_timeout=HEARTBEAT,
            retry_policy=RETRIES,
            cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            summary=f"switch version {chunked.version} on and remove the one before",
        )
        _show(f"**Ready**: version {chunked.version}, {chunked.passage_count} passages")
        # Earlier releases did not say.
        return activated is None or activated.is_current

    async def _embed(self, document: IngestDocument, chunked: ChunkedDocument) -> None:
        starts = range(0, chunked.passage_count, BATCH)
        try:
            for number, start in enumerate(starts):
                if len(self._batches) == PARALLEL_BATCHES:
                    await self._batches.popleft()
                _go_on()
                if self._replaced:
                    raise _Replaced
                done = (number - len(self._batches)) * BATCH
                batch = _batch(document, chunked, start=start, done=done)
                self._batches.append(asyncio.create_task(self._embed_batch(batch)))
                _show(f"**Embedding**: {done} of {chunked.passage_count} passages")
            while self._batches:
                await self._batches.popleft()
        except BaseException:
            for running in self._batches:
                running.cancel()
            raise

    async def _embed_batch(self, batch: EmbedPassages) -> None:
        """Embed it when it is the organisation's turn; until then nothing is held but a timer."""
        while True:
            turn = await workflow.execute_activity(
                embed_passages,
                batch,
                start_to_close_timeout=timedelta(minutes=10),
                heartbeat_timeout=HEARTBEAT,
                retry_policy=RETRIES,
                cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
                summary=f"embed passages {batch.start + 1}-{batch.end} of {batch.passage_count}",
            )
            if turn is None:
                return
            _show(
                f"**Waiting** until {turn.at:%H:%M:%S} UTC for the organisation's share of the "
                f"embedding quota: {batch.done} of {batch.passage_count} passages are embedded"
            )
            await workflow.sleep(
                max(turn.at - workflow.now(), SHORTEST_WAIT),
                summary="wait for the organisation's share of the embedding quota",
            )

    async def _fail(self, document: IngestDocument, sentence: str) -> None:
        _show(f"**Failed**: {sentence}")
        try:
            await workflow.execute_activity(
                fail_document,
                FailedDocument(document=document, error=sentence),
                start_to_close_timeout=timedelta(seconds=30),
                schedule_to_close_timeout=PATIENCE,
                retry_policy=UNTIL_DONE,
                summary="show the reason on the document",
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            workflow.logger.error("document_failure_not_recorded")

    async def _stopped(self, document: IngestDocument) -> None:
        """A deletion stops the ingestion, as may an operator; nothing of it is left behind."""
        for _ in range(LOOKS_FOR_DELETION):
            if await self._discard(document):
                return
            await workflow.sleep(timedelta(seconds=5), summary="wait for the deletion to be done")
        await self._fail(document, STOPPED)

    async def _discard(self, document: IngestDocument) -> bool:
        """Whether the document is gone, and with it what late steps have written of it."""
        await self._batches_ended()
        return await workflow.execute_activity(
            discard_document,
            document,
            start_to_close_timeout=timedelta(minutes=5),
            schedule_to_close_timeout=PATIENCE,
            retry_policy=UNTIL_DONE,
            summary="remove what is left of the deleted document",
        )

    async def _batches_ended(self) -> None:
        await asyncio.gather(*self._batches, return_exceptions=True)
        self._batches.clear()


def _batch(
    document: IngestDocument, chunked: ChunkedDocument, *, start: int, done: int
) -> EmbedPassages:
    return EmbedPassages(
        document=document,
        version=chunked.version,
        start=start,
        end=min(start + BATCH, chunked.passage_count),
        passage_count=chunked.passage_count,
        done=done,
    )


def _go_on() -> None:
    """A step that ends by itself before it hears of its cancellation takes that with it."""
    if workflow.cancellation_reason() is not None:
        raise asyncio.CancelledError


def _show(details: str) -> None:
    workflow.set_current_details(details)
