"""`/v1/organizations/{organization_id}/api-keys`"""

from sqlmodel.ext.asyncio.session import AsyncSession

from adapters.postgres import api_keys
from adapters.postgres.tables import ApiKey
from api.dependencies import AdminDep, PlaceDep, Tenant
from api.preconditions import PreconditionDep
from api.problems import documented, invalid, not_found
from api.routing import ResourceRouter
from api.schemas.api_keys import (
    ApiKeyCreate,
    ApiKeyCreated,
    ApiKeyPublic,
    ApiKeyUpdate,
    TenantRole,
)
from api.schemas.base import Listing

router = ResourceRouter(prefix="/v1/organizations/{organization_id}/api-keys", tags=["api keys"])


@router.post("", status_code=201, responses=documented(401, 403, 404, 422, 503))
async def create_api_key(body: ApiKeyCreate, tenant: AdminDep) -> ApiKeyCreated:
    """Make a key. Its secret is in this answer and never again."""
    _check_limit(body.requests_per_minute, tenant)
    key_id = api_keys.new_api_key_id(tenant.seed)
    async with tenant.session() as session:
        existing = await api_keys.get(session, key_id, lock=True)
        if existing is not None:
            # The process that made it died before anybody has seen its secret.
            new = await api_keys.renew_secret(session, existing)
        else:
            new = await api_keys.create(
                session, key_id=key_id, organization_id=tenant.organization_id, **body.model_dump()
            )
            await tenant.record(
                session,
                action="api_key.create",
                resource_id=key_id,
                after=ApiKeyPublic.model_validate(new.key),
            )
    return ApiKeyCreated.model_validate({**new.key.model_dump(), "secret": new.secret})


@router.get("", responses=documented(401, 403, 404, 422, 503))
async def list_api_keys(
    place: PlaceDep,
    tenant: AdminDep,
    role: TenantRole | None = None,
    revoked: bool | None = None,
) -> Listing[ApiKeyPublic]:
    """Newest first; revoked ones stay listed."""
    async with tenant.session() as session:
        page = await api_keys.page(session, role=role, revoked=revoked, **place._asdict())
    return Listing(
        items=[ApiKeyPublic.model_validate(one) for one in page.items],
        next_cursor=page.next_cursor,
    )


@router.get("/{api_key_id}", responses=documented(401, 403, 404, 503))
async def get_api_key(api_key_id: str, tenant: AdminDep) -> ApiKeyPublic:
    async with tenant.session() as session:
        return ApiKeyPublic.model_validate(await _find(session, api_key_id))


@router.patch("/{api_key_id}", responses=documented(401, 403, 404, 412, 422, 503))
async def update_api_key(
    api_key_id: str, body: ApiKeyUpdate, tenant: AdminDep, precondition: PreconditionDep
) -> ApiKeyPublic:
    """Change the fields that are sent; they count at once."""
    _check_limit(body.requests_per_minute, tenant)
    async with tenant.session() as session:
        key = await _find(session, api_key_id, lock=True)
        precondition.check(key.revision)
        before = ApiKeyPublic.model_validate(key)
        updated = await api_keys.update(session, key, changes=body.changes())
        after = ApiKeyPublic.model_validate(updated)
        await tenant.record(
            session, action="api_key.update", resource_id=key.id, before=before, after=after
        )
    tenant.services.authenticator.forget()
    return after


@router.delete("/{api_key_id}", status_code=204, responses=documented(401, 403, 404, 412, 503))
async def revoke_api_key(api_key_id: str, tenant: AdminDep, precondition: PreconditionDep) -> None:
    """End the key at once. It stays listed, with the time of its end; what it made stays, too."""
    async with tenant.session() as session:
        key = await _find(session, api_key_id, lock=True)
        precondition.check(key.revision)
        before = ApiKeyPublic.model_validate(key)
        revoked = await api_keys.revoke(session, key)
        await tenant.record(
            session,
            action="api_key.revoke",
            resource_id=key.id,
            before=before,
            after=ApiKeyPublic.model_validate(revoked),
        )
    tenant.services.authenticator.forget()


async def _find(session: AsyncSession, api_key_id: str, *, lock: bool = False) -> ApiKey:
    key = await api_keys.get(session, api_key_id, lock=lock)
    if key is None:
        raise not_found("key")
    return key


def _check_limit(requests_per_minute: int | None, tenant: Tenant) -> None:
    most = tenant.services.settings.parley_api_requests_per_minute
    if (requests_per_minute or 0) > most and not tenant.principal.may("platform_admin"):
        raise invalid(
            "requests_per_minute",
            f"at most {most}; only a platform administrator may allow more",
        )
