"""`/v1/api-keys`: keys of platform administrators, which belong to no organisation."""

from fastapi import Depends
from sqlmodel.ext.asyncio.session import AsyncSession

from adapters.postgres import api_keys
from adapters.postgres.tables import ApiKey
from api import audit
from api.dependencies import PlaceDep, PlatformAdminDep, SeedDep, ServicesDep, get_platform_admin
from api.preconditions import PreconditionDep
from api.problems import documented, not_found
from api.routing import ResourceRouter
from api.schemas.api_keys import ApiKeyCreated, ApiKeyPublic, PlatformApiKeyCreate
from api.schemas.base import Listing

router = ResourceRouter(
    prefix="/v1/api-keys", tags=["api keys"], dependencies=[Depends(get_platform_admin)]
)


@router.post("", status_code=201, responses=documented(401, 403, 422, 503))
async def create_platform_api_key(
    body: PlatformApiKeyCreate, principal: PlatformAdminDep, services: ServicesDep, seed: SeedDep
) -> ApiKeyCreated:
    """Make a key that may do everything. Its secret is in this answer and never again."""
    key_id = api_keys.new_api_key_id(seed)
    async with services.database.platform() as session:
        existing = await api_keys.get(session, key_id, lock=True)
        if existing is not None:
            # The process that made it died before anybody has seen its secret.
            new = await api_keys.renew_secret(session, existing)
        else:
            new = await api_keys.create(
                session,
                key_id=key_id,
                role="platform_admin",
                organization_id=None,
                **body.model_dump(),
            )
            await audit.record(
                session,
                principal,
                organization_id=None,
                action="api_key.create",
                resource_id=key_id,
                after=ApiKeyPublic.model_validate(new.key),
            )
    return ApiKeyCreated.model_validate({**new.key.model_dump(), "secret": new.secret})


@router.get("", responses=documented(401, 403, 422, 503))
async def list_platform_api_keys(
    place: PlaceDep, services: ServicesDep, revoked: bool | None = None
) -> Listing[ApiKeyPublic]:
    """Newest first; revoked ones stay listed. PARLEY_ADMIN_KEY, of the settings, is not here."""
    async with services.database.platform() as session:
        page = await api_keys.page(session, platform=True, revoked=revoked, **place._asdict())
    return Listing(
        items=[ApiKeyPublic.model_validate(one) for one in page.items],
        next_cursor=page.next_cursor,
    )


@router.get("/{platform_api_key_id}", responses=documented(401, 403, 404, 503))
async def get_platform_api_key(platform_api_key_id: str, services: ServicesDep) -> ApiKeyPublic:
    async with services.database.platform() as session:
        return ApiKeyPublic.model_validate(await _find(session, platform_api_key_id))


@router.delete(
    "/{platform_api_key_id}", status_code=204, responses=documented(401, 403, 404, 412, 503)
)
async def revoke_platform_api_key(
    platform_api_key_id: str,
    principal: PlatformAdminDep,
    services: ServicesDep,
    precondition: PreconditionDep,
) -> None:
    """End the key at once. It stays listed, with the time of its end."""
    async with services.database.platform() as session:
        key = await _find(session, platform_api_key_id, lock=True)
        precondition.check(key.revision)
        before = ApiKeyPublic.model_validate(key)
        revoked = await api_keys.revoke(session, key)
        await audit.record(
            session,
            principal,
            organization_id=None,
            action="api_key.revoke",
            resource_id=key.id,
            before=before,
            after=ApiKeyPublic.model_validate(revoked),
        )
    services.authenticator.forget()


async def _find(session: AsyncSession, key_id: str, *, lock: bool = False) -> ApiKey:
    key = await api_keys.get(session, key_id, lock=lock)
    if key is None or key.organization_id is not None:
        raise not_found("key")
    return key
