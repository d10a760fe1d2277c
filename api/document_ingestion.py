"""Has documents ingested, and stops that."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from temporalio.client import Client
from temporalio.common import Priority, SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from adapters.postgres.tables import Document
from contracts.ids import DocumentId, ingestion_workflow_id
from contracts.ingestion import IngestDocument
from contracts.names import (
    CONTENT_REPLACED,
    INGEST_DOCUMENT_WORKFLOW,
    INGESTION_QUEUE,
    ORGANIZATION_ID,
)

STOPPED_AT_ONCE: Final = 16


async def start_ingestion(temporal: Client, document: Document, *, again: bool = False) -> None:
    """Start it, unless it runs; what has been ingested before is found unchanged and done.

    Args:
        again: one that runs is to look at the document once more before it ends.
    """
    with suppress(WorkflowAlreadyStartedError):
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
    """Stop those that run; when their steps have ended, they remove what these have left."""
    gate = asyncio.Semaphore(STOPPED_AT_ONCE)

    async def stop(document_id: DocumentId) -> None:
        async with gate:
            try:
                await temporal.get_workflow_handle(ingestion_workflow_id(document_id)).cancel()
            except RPCError as error:
                # It ended long ago, as most have.
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise

    await asyncio.gather(*(stop(document_id) for document_id in document_ids))
