"""`/v1/organizations/{organization_id}/assistants`"""

from collections.abc import Sequence

from sqlmodel.ext.asyncio.session import AsyncSession

from adapters.postgres import assistants, knowledge_bases
from adapters.postgres.tables import Assistant
from api.dependencies import AdminDep, PlaceDep, ViewerDep
from api.preconditions import PreconditionDep
from api.problems import documented, invalid, not_found
from api.routing import ResourceRouter
from api.schemas.assistants import AssistantCreate, AssistantPublic, AssistantUpdate
from api.schemas.base import Listing, NameFilter

router = ResourceRouter(
    prefix="/v1/organizations/{organization_id}/assistants", tags=["assistants"]
)


@router.post("", status_code=201, responses=documented(401, 403, 404, 422, 503))
async def create_assistant(body: AssistantCreate, tenant: AdminDep) -> AssistantPublic:
    assistant_id = assistants.new_assistant_id(tenant.seed)
    async with tenant.session() as session:
        existing = await assistants.get(session, assistant_id)
        if existing is not None:
            return AssistantPublic.model_validate(existing)
        await _check_knowledge_bases(session, body.knowledge_base_ids)
        assistant = Assistant(
            id=assistant_id, organization_id=tenant.organization_id, **body.model_dump()
        )
        created = AssistantPublic.model_validate(await assistants.create(session, assistant))
        await tenant.record(
            session, action="assistant.create", resource_id=created.id, after=created
        )
    return created


@router.get("", responses=documented(401, 404, 422, 503))
async def list_assistants(
    place: PlaceDep, tenant: ViewerDep, name: NameFilter = None
) -> Listing[AssistantPublic]:
    async with tenant.session() as session:
        page = await assistants.page(session, name=name, **place._asdict())
    return Listing(
        items=[AssistantPublic.model_validate(one) for one in page.items],
        next_cursor=page.next_cursor,
    )


@router.get("/{assistant_id}", responses=documented(401, 404, 503))
async def get_assistant(assistant_id: str, tenant: ViewerDep) -> AssistantPublic:
    async with tenant.session() as session:
        return AssistantPublic.model_validate(await _find(session, assistant_id))


@router.patch("/{assistant_id}", responses=documented(401, 403, 404, 412, 422, 503))
async def update_assistant(
    assistant_id: str, body: AssistantUpdate, tenant: AdminDep, precondition: PreconditionDep
) -> AssistantPublic:
    """Change the fields that are sent; conversations speak by the new ones from their next turn."""
    async with tenant.session() as session:
        assistant = await _find(session, assistant_id, lock=True)
        precondition.check(assistant.revision)
        await _check_knowledge_bases(session, body.knowledge_base_ids)
        before = AssistantPublic.model_validate(assistant)
        updated = await assistants.update(session, assistant, changes=body.changes())
        after = AssistantPublic.model_validate(updated)
        await tenant.record(
            session, action="assistant.update", resource_id=after.id, before=before, after=after
        )
    return after


@router.delete("/{assistant_id}", status_code=204, responses=documented(401, 403, 404, 412, 503))
async def delete_assistant(
    assistant_id: str, tenant: AdminDep, precondition: PreconditionDep
) -> None:
    """Remove it. Its channels stay, without an assistant; so do their conversations."""
    async with tenant.session() as session:
        assistant = await _find(session, assistant_id, lock=True)
        precondition.check(assistant.revision)
        before = AssistantPublic.model_validate(assistant)
        await assistants.delete(session, assistant)
        await tenant.record(
            session, action="assistant.delete", resource_id=before.id, before=before
        )


async def _find(session: AsyncSession, assistant_id: str, *, lock: bool = False) -> Assistant:
    assistant = await assistants.get(session, assistant_id, lock=lock)
    if assistant is None:
        raise not_found("assistant")
    return assistant


async def _check_knowledge_bases(session: AsyncSession, ids: Sequence[str]) -> None:
    missing = await knowledge_bases.missing(session, ids) if ids else set()
    if missing:
        raise invalid("knowledge_base_ids", f"there is no knowledge base {min(missing)}")
