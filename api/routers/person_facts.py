"""`/v1/organizations/{organization_id}/whatsapp-users/{whatsapp_user_id}/facts`"""

from sqlmodel.ext.asyncio.session import AsyncSession

from adapters.postgres import person_facts, whatsapp_users
from adapters.postgres.person_facts import FactKnown, TooManyFacts
from adapters.postgres.tables import PersonFact
from api.dependencies import OperatorDep, PlaceDep, ViewerDep
from api.preconditions import PreconditionDep
from api.problems import Problem, documented, not_found
from api.routing import ResourceRouter
from api.schemas.base import Listing
from api.schemas.memory import FactCreate, FactPublic, FactUpdate
from contracts.ids import PersonId
from domain.memory import MAX_FACTS, digest_of

router = ResourceRouter(
    prefix="/v1/organizations/{organization_id}/whatsapp-users/{whatsapp_user_id}/facts",
    tags=["whatsapp users"],
)


@router.get("", responses=documented(401, 404, 422, 503))
async def list_facts(
    whatsapp_user_id: str, place: PlaceDep, tenant: ViewerDep
) -> Listing[FactPublic]:
    """What the assistant knows about the person, newest first."""
    async with tenant.session() as session:
        person_id = await _find_person(session, whatsapp_user_id)
        page = await person_facts.page(session, person_id, **place._asdict())
    return Listing(items=[_public(one) for one in page.items], next_cursor=page.next_cursor)


@router.post("", status_code=201, responses=documented(401, 403, 404, 409, 422, 503))
async def create_fact(whatsapp_user_id: str, body: FactCreate, tenant: OperatorDep) -> FactPublic:
    """Tell the assistant something about the person. It knows it from its next turn.

    What it knows already is confirmed, and answered as it is.
    """
    fact_id = person_facts.new_fact_id(tenant.seed)
    async with tenant.session() as session:
        person_id = await _find_person(session, whatsapp_user_id)
        existing = await person_facts.get(session, person_id, fact_id)
        if existing is not None:
            return _public(existing)
        fact = PersonFact(
            id=fact_id,
            organization_id=tenant.organization_id,
            person_id=person_id,
            statement=body.statement,
            digest=digest_of(person_id, body.statement),
            source="operator",
        )
        try:
            added, is_news = await person_facts.add(session, fact)
        except TooManyFacts:
            raise Problem(
                409, f"A person has at most {MAX_FACTS} facts. Remove one that is of no use."
            ) from None
        created = _public(added)
        if is_news:
            await tenant.record(
                session,
                action="person_fact.create",
                resource_id=created.id,
                # Not its words: an erasure could not take them out of the audit log.
                secrets={"statement": "changed"},
            )
    return created


@router.get("/{fact_id}", responses=documented(401, 404, 503))
async def get_fact(whatsapp_user_id: str, fact_id: str, tenant: ViewerDep) -> FactPublic:
    async with tenant.session() as session:
        return _public(await _find(session, whatsapp_user_id, fact_id))


@router.patch("/{fact_id}", responses=documented(401, 403, 404, 409, 412, 422, 503))
async def update_fact(
    whatsapp_user_id: str,
    fact_id: str,
    body: FactUpdate,
    tenant: OperatorDep,
    precondition: PreconditionDep,
) -> FactPublic:
    """Correct it. No model changes it from then on, or brings the old statement back."""
    async with tenant.session() as session:
        fact = await _find(session, whatsapp_user_id, fact_id, lock=True)
        precondition.check(fact.revision)
        changed = (fact.statement, fact.source) != (body.statement, "operator")
        try:
            after = _public(await person_facts.correct(session, fact, statement=body.statement))
        except FactKnown:
            raise _known() from None
        if changed:
            await tenant.record(
                session,
                action="person_fact.update",
                resource_id=after.id,
                secrets={"statement": "changed"},
            )
    return after


@router.delete("/{fact_id}", status_code=204, responses=documented(401, 403, 404, 412, 503))
async def delete_fact(
    whatsapp_user_id: str, fact_id: str, tenant: OperatorDep, precondition: PreconditionDep
) -> None:
    """Forget it. No model brings this statement back; an operator may write it down again."""
    async with tenant.session() as session:
        fact = await _find(session, whatsapp_user_id, fact_id, lock=True)
        precondition.check(fact.revision)
        await person_facts.remove(session, fact)
        await tenant.record(session, action="person_fact.delete", resource_id=fact.id)


async def _find_person(session: AsyncSession, whatsapp_user_id: str) -> PersonId:
    person = await whatsapp_users.get(session, whatsapp_user_id)
    if person is None:
        raise not_found("WhatsApp user")
    return person.id


async def _find(
    session: AsyncSession, whatsapp_user_id: str, fact_id: str, *, lock: bool = False
) -> PersonFact:
    person_id = await _find_person(session, whatsapp_user_id)
    fact = await person_facts.get(session, person_id, fact_id, lock=lock)
    if fact is None:
        raise not_found("fact")
    return fact


def _known() -> Problem:
    return Problem(409, "This is known about the person already, in these words or nearly so.")


def _public(fact: PersonFact) -> FactPublic:
    return FactPublic.model_validate({**fact.model_dump(), "whatsapp_user_id": fact.person_id})
