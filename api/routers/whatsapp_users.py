"""`/v1/organizations/{organization_id}/whatsapp-users`"""

from datetime import UTC, datetime

from fastapi import Response
from sqlmodel.ext.asyncio.session import AsyncSession

from adapters.postgres import erasures, whatsapp_users
from adapters.postgres.tables import WhatsAppUser
from api.dependencies import AdminDep, OperatorDep, PlaceDep, ViewerDep
from api.erasing import erase
from api.problems import documented, not_found
from api.routing import ResourceRouter
from api.schemas.base import Listing
from api.schemas.conversations import WhatsAppUserPublic, WhatsAppUserUpdate
from api.schemas.erasures import ErasurePublic
from contracts.erasure import Erase
from contracts.ids import erasure_id

router = ResourceRouter(
    prefix="/v1/organizations/{organization_id}/whatsapp-users", tags=["whatsapp users"]
)


@router.get("", responses=documented(401, 404, 422, 503))
async def list_whatsapp_users(place: PlaceDep, tenant: ViewerDep) -> Listing[WhatsAppUserPublic]:
    """The people who have written, those first who wrote first most recently."""
    async with tenant.session() as session:
        page = await whatsapp_users.page(session, limit=place.limit, cursor=place.cursor)
    return Listing(
        items=[WhatsAppUserPublic.of(one) for one in page.items],
        next_cursor=page.next_cursor,
    )


@router.get("/{whatsapp_user_id}", responses=documented(401, 404, 503))
async def get_whatsapp_user(whatsapp_user_id: str, tenant: ViewerDep) -> WhatsAppUserPublic:
    async with tenant.session() as session:
        person = await _find(session, whatsapp_user_id)
    return WhatsAppUserPublic.of(person)


@router.patch("/{whatsapp_user_id}", responses=documented(401, 403, 404, 422, 503))
async def update_whatsapp_user(
    whatsapp_user_id: str, body: WhatsAppUserUpdate, tenant: OperatorDep
) -> WhatsAppUserPublic:
    """Change the fields that are sent. What WhatsApp tells of the person is not to be changed."""
    changes = body.changes()
    async with tenant.session() as session:
        person = await _find(session, whatsapp_user_id)
        if "opted_out" in changes:
            opted_out = changes.pop("opted_out")
            # Opting out again keeps the time of the first.
            since = person.opted_out_at or datetime.now(UTC)
            changes["opted_out_at"] = since if opted_out else None
        updated = await whatsapp_users.update(session, person, changes=changes)
    return WhatsAppUserPublic.of(updated)


@router.delete("/{whatsapp_user_id}", status_code=202, responses=documented(401, 403, 404, 503))
async def delete_whatsapp_user(
    whatsapp_user_id: str, tenant: AdminDep, response: Response
) -> ErasurePublic:
    """Erase the person in every store.

    From the answer on nobody finds the person, and whoever writes from their number is somebody
    new. Their conversations with all messages, drafts and histories are removed in the background;
    the erasure at `Location` says when nothing is left. Counts of usage stay: they name nobody.
    Asking again meanwhile answers the same erasure.
    """
    known = erasure_id(whatsapp_user_id)
    async with tenant.session() as session:
        person = await whatsapp_users.get(session, whatsapp_user_id)
        erasure = await erasures.get(session, known)
    if person is None and (erasure is None or erasure.status == "finished"):
        raise not_found("WhatsApp user")
    begun = await erase(
        tenant.services,
        Erase(
            erasure_id=known,
            kind="whatsapp_user",
            organization_id=tenant.organization_id,
            subject_id=whatsapp_user_id,
            requested_by=tenant.principal.key_id,
            settle_seconds=tenant.services.settings.parley_erasure_settle_seconds,
        ),
    )
    response.headers["Location"] = f"/v1/erasures/{begun.id}"
    return ErasurePublic.model_validate(begun)


async def _find(session: AsyncSession, whatsapp_user_id: str) -> WhatsAppUser:
    person = await whatsapp_users.get(session, whatsapp_user_id)
    if person is None:
        raise not_found("WhatsApp user")
    return person
