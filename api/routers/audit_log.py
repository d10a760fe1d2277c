"""`/v1/organizations/{organization_id}/audit-log` and `/v1/audit-log`"""

from typing import Annotated, NamedTuple

from fastapi import Depends, Query
from pydantic import AwareDatetime

from adapters.postgres import audit_log
from adapters.postgres.rows import Page
from adapters.postgres.tables import AuditEntry
from api.dependencies import AdminDep, PlaceDep, ServicesDep, get_platform_admin
from api.problems import documented
from api.routing import ResourceRouter
from api.schemas.audit_log import AuditEntryPublic
from api.schemas.base import Listing, Reference, exactly

router = ResourceRouter(prefix="/v1", tags=["audit log"])


class Filters(NamedTuple):
    """Which entries are wanted; None: any."""

    action: str | None
    resource_type: str | None
    resource_id: str | None
    api_key_id: str | None
    since: AwareDatetime | None
    until: AwareDatetime | None


def get_filters(
    action: Annotated[str | None, exactly("action, e.g. `assistant.update`")] = None,
    resource_type: Annotated[str | None, exactly("type of resource, e.g. `assistant`")] = None,
    resource_id: Annotated[Reference | None, Query()] = None,
    api_key_id: Annotated[Reference | None, Query()] = None,
    since: Annotated[
        AwareDatetime | None, Query(alias="from", description="From this moment on.")
    ] = None,
    until: Annotated[
        AwareDatetime | None, Query(alias="to", description="Before this moment.")
    ] = None,
) -> Filters:
    return Filters(action, resource_type, resource_id, api_key_id, since, until)


FiltersDep = Annotated[Filters, Depends(get_filters)]


@router.get(
    "/organizations/{organization_id}/audit-log", responses=documented(401, 403, 404, 422, 503)
)
async def list_audit_log(
    filters: FiltersDep, place: PlaceDep, tenant: AdminDep
) -> Listing[AuditEntryPublic]:
    """Who changed what in the organisation, newest first. Nobody can change or remove an entry."""
    async with tenant.session() as session:
        page = await audit_log.page(
            session,
            organization_id=tenant.organization_id,
            **filters._asdict(),
            **place._asdict(),
        )
    return _listing(page)


@router.get(
    "/audit-log",
    dependencies=[Depends(get_platform_admin)],
    responses=documented(401, 403, 422, 503),
)
async def list_platform_audit_log(
    filters: FiltersDep, place: PlaceDep, services: ServicesDep
) -> Listing[AuditEntryPublic]:
    """What concerns no single organisation: their making and their end, and platform keys."""
    async with services.database.platform() as session:
        page = await audit_log.page(
            session, organization_id=None, **filters._asdict(), **place._asdict()
        )
    return _listing(page)


def _listing(page: Page[AuditEntry]) -> Listing[AuditEntryPublic]:
    return Listing(
        items=[AuditEntryPublic.model_validate(one) for one in page.items],
        next_cursor=page.next_cursor,
    )
