"""What else goes when a document goes."""

from collections.abc import Collection

from adapters.postgres import documents
from api.dependencies import Tenant


async def forget_contents(tenant: Tenant, hashes: Collection[str]) -> None:
    """Remove the files that no document of the organisation has any more."""
    if not hashes:
        return
    async with tenant.session() as session:
        unused = await documents.unused_contents(session, sorted(hashes))
    for sha256 in unused:
        await tenant.services.objects.delete(tenant.organization_id, sha256)
