"""`/v1/organizations/{organization_id}/whatsapp-users/{whatsapp_user_id}/consents`"""

from datetime import UTC, datetime

from adapters.postgres import consents, whatsapp_users
from api.dependencies import OperatorDep, PlaceDep, ViewerDep
from api.problems import documented, not_found
from api.routing import ResourceRouter
from api.schemas.base import Listing
from api.schemas.consents import ConsentCreate, ConsentPublic

router = ResourceRouter(
    prefix="/v1/organizations/{organization_id}/whatsapp-users/{whatsapp_user_id}/consents",
    tags=["whatsapp users"],
)


@router.get("", responses=documented(401, 404, 422, 503))
async def list_consents(
    whatsapp_user_id: str, place: PlaceDep, tenant: ViewerDep
) -> Listing[ConsentPublic]:
    """What the person has said about proactive messages; what became known last comes first."""
    async with tenant.session() as session:
        person = await whatsapp_users.get(session, whatsapp_user_id)
        if person is None:
            raise not_found("WhatsApp user")
        page = await consents.page(session, person, **place._asdict())
    return Listing(
        items=[ConsentPublic.model_validate(one) for one in page.items],
        next_cursor=page.next_cursor,
    )


@router.post("", status_code=201, responses=documented(401, 403, 404, 422, 503))
async def create_consent(
    whatsapp_user_id: str, body: ConsentCreate, tenant: OperatorDep
) -> ConsentPublic:
    """Record an opt-in, or an opt-out, that was given elsewhere. Nothing is ever removed.

    The newest of a person's records counts, by `occurred_at`. The same state of the same moment
    and source is recorded once: it answers the record that there is.
    """
    consent_id = consents.new_consent_id(tenant.seed)
    async with tenant.session() as session:
        person = await whatsapp_users.get(session, whatsapp_user_id, lock=True)
        if person is None:
            raise not_found("WhatsApp user")
        existing = await consents.get(session, consent_id)
        if existing is not None:
            return ConsentPublic.model_validate(existing)
        recorded = ConsentPublic.model_validate(
            await consents.record(
                session,
                person,
                state=body.state,
                source=body.source,
                at=body.occurred_at or datetime.now(UTC),
                detail=body.detail,
                consent_id=consent_id,
            )
        )
        if recorded.id == consent_id:
            await tenant.record(
                session,
                action="consent.create",
                resource_id=recorded.id,
                # Not its detail: an erasure could not take it out of the audit log.
                after=recorded.model_copy(update={"detail": None}),
            )
    return recorded
