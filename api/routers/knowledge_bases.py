"""`/v1/organizations/{organization_id}/knowledge-bases`"""

from adapters.postgres import documents, knowledge_bases
from adapters.postgres.tables import KnowledgeBase
from api.dependencies import AdminDep, PlaceDep, ViewerDep
from api.document_removal import forget_contents, forget_vectors
from api.problems import documented, not_found
from api.routing import ResourceRouter
from api.schemas.base import Listing
from api.schemas.knowledge import (
    KnowledgeBaseCreate,
    KnowledgeBasePublic,
    KnowledgeBaseUpdate,
)
from contracts.ids import KnowledgeBaseId

router = ResourceRouter(
    prefix="/v1/organizations/{organization_id}/knowledge-bases", tags=["knowledge bases"]
)


@router.post("", status_code=201, responses=documented(401, 403, 404, 422, 503))
async def create_knowledge_base(body: KnowledgeBaseCreate, tenant: AdminDep) -> KnowledgeBasePublic:
    """Make an empty one. It keeps the platform's embedding model of this day."""
    knowledge_base = KnowledgeBase(
        id=knowledge_bases.new_knowledge_base_id(),
        organization_id=tenant.organization_id,
        embedding_model=tenant.services.settings.parley_embedding_model,
        **body.model_dump(),
    )
    async with tenant.session() as session:
        created = await knowledge_bases.create(session, knowledge_base)
    return KnowledgeBasePublic.model_validate(created)


@router.get("", responses=documented(401, 404, 422, 503))
async def list_knowledge_bases(place: PlaceDep, tenant: ViewerDep) -> Listing[KnowledgeBasePublic]:
    async with tenant.session() as session:
        page = await knowledge_bases.page(session, limit=place.limit, cursor=place.cursor)
    return Listing(
        items=[KnowledgeBasePublic.model_validate(one) for one in page.items],
        next_cursor=page.next_cursor,
    )


@router.get("/{knowledge_base_id}", responses=documented(401, 404, 503))
async def get_knowledge_base(knowledge_base_id: str, tenant: ViewerDep) -> KnowledgeBasePublic:
    async with tenant.session() as session:
        knowledge_base = await knowledge_bases.get(session, knowledge_base_id)
    if knowledge_base is None:
        raise not_found("knowledge base")
    return KnowledgeBasePublic.model_validate(knowledge_base)


@router.patch("/{knowledge_base_id}", responses=documented(401, 403, 404, 422, 503))
async def update_knowledge_base(
    knowledge_base_id: str, body: KnowledgeBaseUpdate, tenant: AdminDep
) -> KnowledgeBasePublic:
    async with tenant.session() as session:
        knowledge_base = await knowledge_bases.get(session, knowledge_base_id)
        if knowledge_base is None:
            raise not_found("knowledge base")
        updated = await knowledge_bases.update(session, knowledge_base, changes=body.changes())
    return KnowledgeBasePublic.model_validate(updated)


@router.delete("/{knowledge_base_id}", status_code=204, responses=documented(401, 403, 404, 503))
async def delete_knowledge_base(knowledge_base_id: str, tenant: AdminDep) -> None:
    """Remove it with its documents; the assistants that read it go on without it."""
    async with tenant.session() as session:
        knowledge_base = await knowledge_bases.get(session, knowledge_base_id)
        if knowledge_base is None:
            raise not_found("knowledge base")
        contents = await documents.contents_in(session, knowledge_base_id=knowledge_base.id)
        await knowledge_bases.delete(session, knowledge_base)
    index = tenant.services.knowledge.index
    await forget_vectors(
        index.delete_knowledge_base(
            tenant.organization_id, knowledge_base_id=KnowledgeBaseId(knowledge_base_id)
        ),
        tenant=tenant,
    )
    await forget_contents(tenant, contents)
