"""`/v1/organizations/{organization_id}/assistants`"""

from collections.abc import Sequence

from sqlmodel.ext.asyncio.session import AsyncSession

from adapters.postgres import assistants, knowledge_bases
from adapters.postgres.tables import Assistant
from api.dependencies import AdminDep, PlaceDep, ViewerDep
from api.problems import documented, invalid, not_found
from api.routing import ResourceRouter
from api.schemas.assistants import AssistantCreate, AssistantPublic, AssistantUpdate
from api.schemas.base import Listing

router = ResourceRouter(
    prefix="/v1/organizations/{organization_id}/assistants", tags=["assistants"]
)


@router.post("", status_code=201, responses=documented(401, 403, 404, 422, 503))
async def create_assistant(body: AssistantCreate, tenant: AdminDep) -> AssistantPublic:
    async with tenant.session() as session:
        await _check_knowledge_bases(session, body.knowledge_base_ids)
        assistant = Assistant(
            id=assistants.new_assistant_id(),
            organization_id=tenant.organization_id,
            **body.model_dump(),
        )
        created = await assistants.create(session, assistant)
    return AssistantPublic.model_validate(created)


@router.get("", responses=documented(401, 404, 422, 503))
async def list_assistants(place: PlaceDep, tenant: ViewerDep) -> Listing[AssistantPublic]:
    async with tenant.session() as session:
        page = await assistants.page(session, limit=place.limit, cursor=place.cursor)
    return Listing(
        items=[AssistantPublic.model_validate(one) for one in page.items],
        next_cursor=page.next_cursor,
    )


@router.get("/{assistant_id}", responses=documented(401, 404, 503))
async def get_assistant(assistant_id: str, tenant: ViewerDep) -> AssistantPublic:
    async with tenant.session() as session:
        return AssistantPublic.model_validate(await _find(session, assistant_id))


@router.patch("/{assistant_id}", responses=documented(401, 403, 404, 422, 503))
async def update_assistant(
    assistant_id: str, body: AssistantUpdate, tenant: AdminDep
) -> AssistantPublic:
    """Change the fields that are sent; conversations speak by the new ones from their next turn."""
    async with tenant.session() as session:
        assistant = await _find(session, assistant_id)
        await _check_knowledge_bases(session, body.knowledge_base_ids)
        updated = await assistants.update(session, assistant, changes=body.changes())
    return AssistantPublic.model_validate(updated)


@router.delete("/{assistant_id}", status_code=204, responses=documented(401, 403, 404, 503))
async def delete_assistant(assistant_id: str, tenant: AdminDep) -> None:
    """Remove it. Its channels stay, without an assistant."""
    async with tenant.session() as session:
        await assistants.delete(session, await _find(session, assistant_id))


async def _find(session: AsyncSession, assistant_id: str) -> Assistant:
    assistant = await assistants.get(session, assistant_id)
    if assistant is None:
        raise not_found("assistant")
    return assistant


async def _check_knowledge_bases(session: AsyncSession, ids: Sequence[str]) -> None:
    missing = await knowledge_bases.missing(session, ids) if ids else set()
    if missing:
        raise invalid("knowledge_base_ids", f"there is no knowledge base {min(missing)}")
