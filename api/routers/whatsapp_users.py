"""`/v1/organizations/{organization_id}/whatsapp-users`"""

from typing import Annotated

from adapters.postgres import whatsapp_users
from api.dependencies import PlaceDep, ViewerDep
from api.problems import documented, not_found
from api.routing import ResourceRouter
from api.schemas.base import Listing, exactly
from api.schemas.conversations import WhatsAppUserPublic

router = ResourceRouter(
    prefix="/v1/organizations/{organization_id}/whatsapp-users", tags=["whatsapp users"]
)


@router.get("", responses=documented(401, 404, 422, 503))
async def list_whatsapp_users(
    place: PlaceDep,
    tenant: ViewerDep,
    wa_id: Annotated[str | None, exactly("wa_id")] = None,
    user_id: Annotated[str | None, exactly("user_id")] = None,
    username: Annotated[str | None, exactly("username")] = None,
    opted_out: bool | None = None,
) -> Listing[WhatsAppUserPublic]:
    """The people who have written, those first who wrote first most recently."""
    async with tenant.session() as session:
        page = await whatsapp_users.page(
            session,
            wa_id=wa_id,
            user_id=user_id,
            username=username,
            opted_out=opted_out,
            **place._asdict(),
        )
    return Listing(
        items=[WhatsAppUserPublic.of(one) for one in page.items],
        next_cursor=page.next_cursor,
    )


@router.get("/{whatsapp_user_id}", responses=documented(401, 404, 503))
async def get_whatsapp_user(whatsapp_user_id: str, tenant: ViewerDep) -> WhatsAppUserPublic:
    async with tenant.session() as session:
        person = await whatsapp_users.get(session, whatsapp_user_id)
    if person is None:
        raise not_found("WhatsApp user")
    return WhatsAppUserPublic.of(person)
