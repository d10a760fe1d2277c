"""Organisations: the platform makes and removes them, a tenant sees and changes its own.

One whose deletion was asked for is found by nobody; `erasures.py` removes it.
"""

from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from adapters.postgres.rows import Page, find, narrowed, new_id, newest_first, save
from adapters.postgres.tables import Organization
from contracts.ids import OrganizationId


def new_organization_id(seed: str | None = None) -> OrganizationId:
    return OrganizationId(new_id("org", seed))


async def create(session: AsyncSession, organization: Organization) -> Organization:
    return await save(session, organization)


async def get(
    session: AsyncSession, organization_id: str, *, lock: bool = False
) -> Organization | None:
    query = select(Organization).where(
        Organization.id == organization_id, col(Organization.deleting_at).is_(None)
    )
    return await find(session, query, lock=lock)


async def page(
    session: AsyncSession,
    *,
    name: str | None = None,
    limit: int,
    cursor: str | None,
) -> Page[Organization]:
    query = narrowed(
        select(Organization).where(col(Organization.deleting_at).is_(None)),
        (Organization.name, name),
    )
    return await newest_first(session, query, table=Organization, limit=limit, cursor=cursor)


async def update(
    session: AsyncSession, organization: Organization, *, changes: dict[str, Any]
) -> Organization:
    return await save(session, organization.sqlmodel_update(changes))
