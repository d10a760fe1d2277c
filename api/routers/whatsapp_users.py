"""`/v1/organizations/{organization_id}/whatsapp-users`"""

from typing import Annotated

from fastapi import Response
from sqlmodel.ext.asyncio.session import AsyncSession

from adapters.postgres import consents, whatsapp_users
from adapters.postgres.tables import ConsentState, WhatsAppUser
from api.audit import secret_changes
from api.dependencies import AdminDep, OperatorDep, PlaceDep, ViewerDep
from api.erasing import erase, find_subject
from api.preconditions import PreconditionDep
from api.problems import documented, not_found
from api.routing import ResourceRouter
from api.schemas.base import Listing, exactly
from api.schemas.conversations import WhatsAppUserPublic, WhatsAppUserUpdate
from api.schemas.erasures import ErasurePublic

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
        person = await _find(session, whatsapp_user_id)
    return WhatsAppUserPublic.of(person)


@router.patch("/{whatsapp_user_id}", responses=documented(401, 403, 404, 412, 422, 503))
async def update_whatsapp_user(
    whatsapp_user_id: str,
    body: WhatsAppUserUpdate,
    tenant: OperatorDep,
    precondition: PreconditionDep,
) -> WhatsAppUserPublic:
    """Change the fields that are sent. What WhatsApp tells of the person is not to be changed.

    A change of `opted_out` is recorded among their consents.
    """
    changes = body.changes()
    async with tenant.session() as session:
        person = await _find(session, whatsapp_user_id, lock=True)
        precondition.check(person.revision)
        opted_out = changes.pop("opted_out", person.opted_out_at is not None)
        changed = [name for name, value in changes.items() if getattr(person, name) != value]
        if opted_out != (person.opted_out_at is not None):
            state: ConsentState = "opted_out" if opted_out else "opted_in"
            await consents.record_now(session, person, state=state, source="api")
            changes["opted_out_at"] = person.opted_out_at
            changed.append("opted_out_at")
        after = await whatsapp_users.update(session, person, changes=changes)
        if changed:
            await tenant.record(
                session,
                action="whatsapp_user.update",
                resource_id=after.id,
                # Not their values: an erasure could not take them out of the audit log.
                secrets=secret_changes(changes, names=tuple(changed)),
            )
    return WhatsAppUserPublic.of(after)


@router.delete(
    "/{whatsapp_user_id}", status_code=202, responses=documented(401, 403, 404, 412, 503)
)
async def delete_whatsapp_user(
    whatsapp_user_id: str, tenant: AdminDep, precondition: PreconditionDep, response: Response
) -> ErasurePublic:
    """Erase the person in every store.

    From the answer on nobody finds the person, and whoever writes from their number is somebody
    new. Their conversations with all messages, drafts and histories are removed in the background;
    the erasure at `Location` says when nothing is left. Counts of usage stay: they name nobody.
    Asking again meanwhile answers the same erasure.
    """
    async with tenant.session() as session:
        person = await whatsapp_users.get(session, whatsapp_user_id)
        if person is not None:
            precondition.check(person.revision)
        subject = await find_subject(
            session,
            "whatsapp_user",
            whatsapp_user_id,
            organization_id=tenant.organization_id,
            is_found=person is not None,
        )
    if subject is None:
        raise not_found("WhatsApp user")
    erasure = await erase(tenant.services, tenant.principal, subject)
    response.headers["Location"] = f"/v1/erasures/{erasure.id}"
    return ErasurePublic.model_validate(erasure)


async def _find(
    session: AsyncSession, whatsapp_user_id: str, *, lock: bool = False
) -> WhatsAppUser:
    person = await whatsapp_users.get(session, whatsapp_user_id, lock=lock)
    if person is None:
        raise not_found("WhatsApp user")
    return person
