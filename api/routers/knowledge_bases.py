"""`/v1/organizations/{organization_id}/knowledge-bases`"""

from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from adapters.postgres import documents, knowledge_bases, sources
from adapters.postgres.tables import KnowledgeBase
from api.dependencies import AdminDep, PlaceDep, ViewerDep
from api.document_ingestion import stop_ingestions
from api.document_removal import forget_contents, forget_vectors
from api.embedding_models import move_to, offered_model
from api.preconditions import PreconditionDep
from api.problems import documented, not_found
from api.routing import ResourceRouter
from api.schemas.base import Listing, NameFilter
from api.schemas.knowledge import (
    KnowledgeBaseCreate,
    KnowledgeBasePublic,
    KnowledgeBaseUpdate,
)
from contracts.embedding import EmbeddingModel
from contracts.ids import KnowledgeBaseId
from settings import Settings

router = ResourceRouter(
    prefix="/v1/organizations/{organization_id}/knowledge-bases", tags=["knowledge bases"]
)


@router.post("", status_code=201, responses=documented(401, 403, 404, 422, 503))
async def create_knowledge_base(body: KnowledgeBaseCreate, tenant: AdminDep) -> KnowledgeBasePublic:
    """Make an empty one. Without a model of its own it keeps the platform's of this day."""
    model = offered_model(
        tenant.services.settings, body.embedding_model, dimensions=body.embedding_dimensions
    )
    knowledge_base = KnowledgeBase(
        id=knowledge_bases.new_knowledge_base_id(tenant.seed),
        organization_id=tenant.organization_id,
        embedding_model=model.name,
        requested_dimension=model.dimensions,
        **body.model_dump(exclude={"embedding_model", "embedding_dimensions"}),
    )
    async with tenant.session() as session:
        existing = await knowledge_bases.get(session, knowledge_base.id)
        if existing is not None:
            return KnowledgeBasePublic.of(existing)
        created = KnowledgeBasePublic.of(await knowledge_bases.create(session, knowledge_base))
        await tenant.record(
            session, action="knowledge_base.create", resource_id=created.id, after=created
        )
    return created


@router.get("", responses=documented(401, 404, 422, 503))
async def list_knowledge_bases(
    place: PlaceDep, tenant: ViewerDep, name: NameFilter = None
) -> Listing[KnowledgeBasePublic]:
    async with tenant.session() as session:
        page = await knowledge_bases.page(session, name=name, **place._asdict())
    return Listing(
        items=[KnowledgeBasePublic.of(one) for one in page.items],
        next_cursor=page.next_cursor,
    )


@router.get("/{knowledge_base_id}", responses=documented(401, 404, 503))
async def get_knowledge_base(knowledge_base_id: str, tenant: ViewerDep) -> KnowledgeBasePublic:
    async with tenant.session() as session:
        return KnowledgeBasePublic.of(await _find(session, knowledge_base_id))


@router.patch("/{knowledge_base_id}", responses=documented(401, 403, 404, 409, 412, 422, 503))
async def update_knowledge_base(
    knowledge_base_id: str,
    body: KnowledgeBaseUpdate,
    tenant: AdminDep,
    precondition: PreconditionDep,
) -> KnowledgeBasePublic:
    """Change the fields that are sent. With another embedding model its passages are embedded
    again, beside the answering of searches."""
    async with tenant.session() as session:
        knowledge_base = await _find(session, knowledge_base_id, lock=True)
        precondition.check(knowledge_base.revision)
        before = KnowledgeBasePublic.of(knowledge_base)
        changes = body.changes()
        model = _wanted_model(changes, knowledge_base, tenant.services.settings)
        if model is not None:
            await move_to(session, knowledge_base, model, temporal=tenant.services.temporal)
        updated = await knowledge_bases.update(session, knowledge_base, changes=changes)
        after = KnowledgeBasePublic.of(updated)
        await tenant.record(
            session,
            action="knowledge_base.update",
            resource_id=after.id,
            before=before,
            after=after,
        )
    return after


@router.delete(
    "/{knowledge_base_id}", status_code=204, responses=documented(401, 403, 404, 412, 503)
)
async def delete_knowledge_base(
    knowledge_base_id: str, tenant: AdminDep, precondition: PreconditionDep
) -> None:
    """Remove it with its documents and files; the assistants that read it go on without it."""
    async with tenant.session() as session:
        knowledge_base = await _find(session, knowledge_base_id, lock=True)
        precondition.check(knowledge_base.revision)
        before = KnowledgeBasePublic.of(knowledge_base)
        contents = await documents.contents_in(session, knowledge_base_id=knowledge_base.id)
        unfinished = await documents.unfinished_in(session, knowledge_base_id=knowledge_base.id)
        # Within the transaction: without an engine that answers, nothing is changed.
        await stop_ingestions(tenant.services.temporal, unfinished)
        for source_id in await sources.ids(session, knowledge_base_id=knowledge_base.id):
            await tenant.services.source_schedules.delete(source_id)
        await knowledge_bases.delete(session, knowledge_base)
        await tenant.record(
            session, action="knowledge_base.delete", resource_id=before.id, before=before
        )
    index = tenant.services.knowledge.index
    await forget_vectors(
        index.delete_knowledge_base(
            tenant.organization_id, knowledge_base_id=KnowledgeBaseId(knowledge_base_id)
        ),
        tenant=tenant,
    )
    await forget_contents(tenant, contents)


def _wanted_model(
    changes: dict[str, Any], base: KnowledgeBase, settings: Settings
) -> EmbeddingModel | None:
    """The model that the client asks for, taken out of the changes of columns."""
    if not {"embedding_model", "embedding_dimensions"} & changes.keys():
        return None
    name = changes.pop("embedding_model", base.embedding_model)
    return offered_model(settings, name, dimensions=changes.pop("embedding_dimensions", None))


async def _find(
    session: AsyncSession, knowledge_base_id: str, *, lock: bool = False
) -> KnowledgeBase:
    knowledge_base = await knowledge_bases.get(session, knowledge_base_id, lock=lock)
    if knowledge_base is None:
        raise not_found("knowledge base")
    return knowledge_base
