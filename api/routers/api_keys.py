"""`/v1/organizations/{organization_id}/api-keys`"""

from adapters.postgres import api_keys
from api.dependencies import AdminDep, PlaceDep
from api.problems import documented, not_found
from api.routing import ResourceRouter
from api.schemas.api_keys import ApiKeyCreate, ApiKeyCreated, ApiKeyPublic
from api.schemas.base import Listing

router = ResourceRouter(prefix="/v1/organizations/{organization_id}/api-keys", tags=["api keys"])


@router.post("", status_code=201, responses=documented(401, 403, 404, 422, 503))
async def create_api_key(body: ApiKeyCreate, tenant: AdminDep) -> ApiKeyCreated:
    """Make a key. Its secret is in this answer and never again."""
    async with tenant.session() as session:
        new = await api_keys.create(
            session,
            name=body.name,
            role=body.role,
            organization_id=tenant.organization_id,
            expires_at=body.expires_at,
        )
    return ApiKeyCreated.model_validate({**new.key.model_dump(), "secret": new.secret})


@router.get("", responses=documented(401, 403, 404, 422, 503))
async def list_api_keys(place: PlaceDep, tenant: AdminDep) -> Listing[ApiKeyPublic]:
    async with tenant.session() as session:
        page = await api_keys.page(session, limit=place.limit, cursor=place.cursor)
    return Listing(
        items=[ApiKeyPublic.model_validate(one) for one in page.items],
        next_cursor=page.next_cursor,
    )


@router.get("/{api_key_id}", responses=documented(401, 403, 404, 503))
async def get_api_key(api_key_id: str, tenant: AdminDep) -> ApiKeyPublic:
    async with tenant.session() as session:
        key = await api_keys.get(session, api_key_id)
    if key is None:
        raise not_found("key")
    return ApiKeyPublic.model_validate(key)


@router.delete("/{api_key_id}", status_code=204, responses=documented(401, 403, 404, 503))
async def revoke_api_key(api_key_id: str, tenant: AdminDep) -> None:
    """End the key at once. It stays listed, with the time of its end."""
    async with tenant.session() as session:
        key = await api_keys.get(session, api_key_id)
        if key is None:
            raise not_found("key")
        await api_keys.revoke(session, key)
    tenant.services.authenticator.forget()
