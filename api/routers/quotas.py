"""`/v1/organizations/{organization_id}/quotas`"""

from datetime import UTC, datetime

from adapters.postgres import organizations
from api.dependencies import ViewerDep
from api.problems import documented, not_found
from api.routing import ResourceRouter
from api.schemas.quotas import QuotaStates
from contracts.quotas import Quotas
from domain.quotas import metered, windows

router = ResourceRouter(prefix="/v1/organizations/{organization_id}/quotas", tags=["organizations"])


@router.get("", responses=documented(401, 404, 503))
async def get_quotas(tenant: ViewerDep) -> QuotaStates:
    """What the organisation may use, what it has used, and when each count begins anew."""
    async with tenant.session() as session:
        organization = await organizations.get(session, tenant.organization_id)
    if organization is None:
        raise not_found("organization")
    current = windows(datetime.now(UTC), timezone=organization.timezone)
    periods = metered(Quotas.of(organization.quotas)) - {"minute"}
    used = await tenant.services.quota_counters.read(
        tenant.organization_id, [current[period] for period in sorted(periods)]
    )
    return QuotaStates.of(organization, windows=current, used=used)
