"""Who did what, when. Entries are added in the transaction of the change; none is ever altered."""

from datetime import datetime
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from adapters.postgres.rows import Page, narrowed, new_id, newest_first
from adapters.postgres.tables import AuditEntry, Role
from contracts.ids import ApiKeyId, AuditEntryId, OrganizationId


async def add(
    session: AsyncSession,
    *,
    organization_id: OrganizationId | None,
    api_key_id: ApiKeyId,
    api_key_name: str,
    role: Role,
    action: str,
    resource_id: str,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    request_id: str | None,
) -> None:
    """Add an entry; it is there if and only if the session's transaction is committed.

    Args:
        organization_id: None for the platform's own business, in a session of the platform.
        action: resource and verb, e.g. `assistant.update`.
        before, after: JSON without secrets.
    """
    entry = AuditEntry(
        id=AuditEntryId(new_id("aud")),
        organization_id=organization_id,
        api_key_id=api_key_id,
        api_key_name=api_key_name,
        role=role,
        action=action,
        resource_type=action.partition(".")[0],
        resource_id=resource_id,
        before=before,
        after=after,
        request_id=request_id,
    )
    session.add(entry)
    await session.flush()


async def page(
    session: AsyncSession,
    *,
    organization_id: OrganizationId | None,
    action: str | None = None,
    resource_type: str | None = None,
    resource_id: str | None = None,
    api_key_id: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int,
    cursor: str | None,
) -> Page[AuditEntry]:
    """Entries that match all that is given, newest first.

    Args:
        organization_id: None for the platform's own entries.
        since, until: from the first on, and before the second.
    """
    # Also where row-level security would do: a session of the platform sees everyone's.
    query = narrowed(
        select(AuditEntry).where(AuditEntry.organization_id == organization_id),
        (AuditEntry.action, action),
        (AuditEntry.resource_type, resource_type),
        (AuditEntry.resource_id, resource_id),
        (AuditEntry.api_key_id, api_key_id),
    )
    if since is not None:
        query = query.where(col(AuditEntry.created_at) >= since)
    if until is not None:
        query = query.where(col(AuditEntry.created_at) < until)
    return await newest_first(session, query, table=AuditEntry, limit=limit, cursor=cursor)
