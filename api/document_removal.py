"""What else goes when documents go: their vectors and their files.

PostgreSQL has forgotten them by then, and no hit is shown that is not read there again: what is
left by an engine that does not answer is waste, not a leak. It is logged and fails no request.
"""

import asyncio
from collections.abc import Awaitable, Collection
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError
from sqlalchemy.exc import SQLAlchemyError

from adapters.postgres import documents
from adapters.vectors.index import VectorIndexError
from api.dependencies import Tenant
from contracts.ids import DocumentId
from telemetry import get_logger

AT_ONCE: Final = 16

_log = get_logger(__name__)


async def forget_contents(tenant: Tenant, hashes: Collection[str]) -> None:
    """Remove the files that no document of the organisation has any more."""
    if not hashes:
        return
    try:
        async with tenant.session() as session:
            unused = await documents.unused_contents(session, sorted(hashes))
        for sha256 in unused:
            await tenant.services.objects.delete(tenant.organization_id, sha256)
    except (SQLAlchemyError, BotoCoreError, ClientError, OSError) as error:
        _log.warning(
            "files_left_behind",
            organization_id=tenant.organization_id,
            error=type(error).__name__,
        )


async def forget_vectors(deletion: Awaitable[None], *, tenant: Tenant) -> None:
    """Run a deletion of the vector index."""
    try:
        await deletion
    except VectorIndexError as error:
        _log.warning(
            "vectors_left_behind",
            organization_id=tenant.organization_id,
            retryable=error.retryable,
        )


async def forget_documents(tenant: Tenant, document_ids: Collection[DocumentId]) -> None:
    """Remove the vectors of documents, of which there may be many."""
    index = tenant.services.knowledge.index
    gate = asyncio.Semaphore(AT_ONCE)

    async def forget(document_id: DocumentId) -> None:
        async with gate:
            await forget_vectors(
                index.delete_document(tenant.organization_id, document_id=document_id),
                tenant=tenant,
            )

    await asyncio.gather(*map(forget, document_ids))
