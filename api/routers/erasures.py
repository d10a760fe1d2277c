"""`/v1/erasures`: what has been erased, and whether it is all gone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlmodel.ext.asyncio.session import AsyncSession

from adapters.postgres import erasures
from api.authentication import Principal
from api.dependencies import PlaceDep, PrincipalDep, ServicesDep, require
from api.problems import documented, not_found
from api.routing import ResourceRouter
from api.schemas.base import Listing
from api.schemas.erasures import ErasurePublic
from api.services import Services

router = ResourceRouter(prefix="/v1/erasures", tags=["erasures"])


@router.get("", responses=documented(401, 403, 422, 503))
async def list_erasures(
    place: PlaceDep, principal: PrincipalDep, services: ServicesDep
) -> Listing[ErasurePublic]:
    """Those that the key may see: all of them, or its organisation's. Needs an administrator."""
    async with _session(principal, services) as session:
        page = await erasures.page(session, limit=place.limit, cursor=place.cursor)
    return Listing(
        items=[ErasurePublic.model_validate(one) for one in page.items],
        next_cursor=page.next_cursor,
    )


@router.get("/{erasure_id}", responses=documented(401, 403, 404, 503))
async def get_erasure(
    erasure_id: str, principal: PrincipalDep, services: ServicesDep
) -> ErasurePublic:
    """How far it is. An erasure stays when what it erased is gone. Needs an administrator."""
    async with _session(principal, services) as session:
        erasure = await erasures.get(session, erasure_id)
    if erasure is None:
        raise not_found("erasure")
    return ErasurePublic.model_validate(erasure)


@asynccontextmanager
async def _session(principal: Principal, services: Services) -> AsyncIterator[AsyncSession]:
    """Sees the erasures that the key may see."""
    require(principal, "admin")
    scope = (
        services.database.platform()
        if principal.organization_id is None
        else services.database.tenant(principal.organization_id)
    )
    async with scope as session:
        yield session
