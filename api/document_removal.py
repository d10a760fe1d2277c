"""What else goes when documents go: their vectors and their files.

PostgreSQL has forgotten them by then, and no hit is shown that is not read there again: what is
left by an engine that does not answer is waste, not a leak. It is logged and fails no request.
"""

from collections.abc import Awaitable, Collection

from botocore.exceptions import BotoCoreError, ClientError
from sqlalchemy.exc import SQLAlchemyError

from adapters.postgres import documents
from adapters.vectors.index import VectorIndexError
from api.dependencies import Tenant
from telemetry import get_logger

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
