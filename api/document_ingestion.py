"""Has documents ingested, and stops that."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from temporalio.client import Client
from temporalio.common import Priority, SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from adapters.postgres.tables import Document
from api.problems import unavailable
from contracts.ids import DocumentId, ingestion_workflow_id
from contracts.ingestion import IngestDocument
from contracts.names import (
    CONTENT_REPLACED,
    INGEST_DOCUMENT_WORKFLOW,
    INGESTION_QUEUE,
    ORGANIZATION_ID,
)
from telemetry import get_logger

STOPPED_AT_ONCE: Final = 16

_log = get_logger(__name__)


async def start_ingestion(temporal: Client, document: Document, *, again: bool = False) -> None:
    """Start it, unless it runs; what has been ingested before is found unchanged and done.

    Args:
        again: one that runs is to look at the document once more before it ends.

    Raises:
        Problem: the workflow engine does not answer.
    """
    with _answering(), suppress(WorkflowAlreadyStartedError):
        await temporal.start_workflow(
            INGEST_DOCUMENT_WORKFLOW,
            IngestDocument(
                organization_id=document.organization_id,
                knowledge_base_id=document.knowledge_base_id,
                document_id=document.id,
            ),
            id=ingestion_workflow_id(document.id),
            task_queue=INGESTION_QUEUE,
            priority=Priority(fairness_key=document.organization_id),
            start_signal=CONTENT_REPLACED if again else None,
            # By which an erasure finds it.
            search_attributes=TypedSearchAttributes(
                [SearchAttributePair(ORGANIZATION_ID, document.organization_id)]
            ),
        )


async def stop_ingestions(temporal: Client, document_ids: Iterable[DocumentId]) -> None:
    """Stop those that run; when their steps have ended, they remove what these have left.

    Raises:
        Problem: the workflow engine does not answer.
    """
    gate = asyncio.Semaphore(STOPPED_AT_ONCE)

    async def stop(document_id: DocumentId) -> None:
        async with gate:
            try:
                await temporal.get_workflow_handle(ingestion_workflow_id(document_id)).cancel()
            except RPCError as error:
                # It ended long ago, as most have.
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise

    with _answering():
        await asyncio.gather(*(stop(document_id) for document_id in document_ids))


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    # A lazy client that cannot connect raises the latter.
    except (RPCError, RuntimeError) as error:
        _log.warning("ingestion_not_told", error=type(error).__name__)
        raise unavailable("The workflow engine") from None
