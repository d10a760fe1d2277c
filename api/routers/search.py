"""`…/knowledge-bases/{knowledge_base_id}/search`"""

from adapters.postgres import knowledge_bases
from api.dependencies import ViewerDep
from api.problems import documented, not_found
from api.routing import ResourceRouter
from api.schemas.knowledge import FoundPassage, SearchRequest, SearchResult
from contracts.ids import KnowledgeBaseId

router = ResourceRouter(
    prefix="/v1/organizations/{organization_id}/knowledge-bases/{knowledge_base_id}/search",
    tags=["knowledge bases"],
)


@router.post("", responses=documented(401, 404, 422, 503))
async def search_knowledge_base(
    knowledge_base_id: str, body: SearchRequest, tenant: ViewerDep
) -> SearchResult:
    """The passages that may answer the query, best first, as an assistant would find them."""
    async with tenant.session() as session:
        if await knowledge_bases.get(session, knowledge_base_id) is None:
            raise not_found("knowledge base")
    found = await tenant.services.knowledge.retriever.search(
        tenant.organization_id,
        knowledge_base_ids=[KnowledgeBaseId(knowledge_base_id)],
        queries=[body.query],
        limit=body.limit,
    )
    return SearchResult(
        items=[FoundPassage.model_validate(hit) for hit in found.hits],
        lexical_only=found.lexical_only,
    )
