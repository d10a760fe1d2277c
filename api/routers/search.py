"""`…/knowledge-bases/{knowledge_base_id}/search`"""

from dataclasses import asdict
from datetime import UTC, datetime

from adapters.postgres import knowledge_bases
from api.dependencies import ViewerDep
from api.problems import documented, not_found
from api.routing import ResourceRouter
from api.schemas.knowledge import FoundPassage, SearchRequest, SearchResult, SearchTimings
from contracts.ids import KnowledgeBaseId
from domain.retrieval_query import MOST_PASSAGES, retrieval_query
from domain.transcript import Utterance

router = ResourceRouter(
    prefix="/v1/organizations/{organization_id}/knowledge-bases/{knowledge_base_id}/search",
    tags=["knowledge bases"],
)


@router.post("", responses=documented(401, 404, 422, 503))
async def search_knowledge_base(
    knowledge_base_id: str, body: SearchRequest, tenant: ViewerDep
) -> SearchResult:
    """The passages that may answer the query, best first, as an assistant would find them.

    Each tells what speaks for it, and whether the model would be shown it: the best 8, unless none
    bears on the query. A prompt that is crowded by long messages may have room for fewer.
    """
    async with tenant.session() as session:
        if await knowledge_bases.get(session, knowledge_base_id) is None:
            raise not_found("knowledge base")
    now = datetime.now(UTC)
    history = [Utterance(sender="user", text=text, sent_at=now) for text in body.earlier]
    queries = retrieval_query([body.query], history=history).queries or [body.query]
    found = await tenant.services.knowledge.retriever.search(
        tenant.organization_id,
        knowledge_base_ids=[KnowledgeBaseId(knowledge_base_id)],
        queries=queries,
        limit=body.limit,
    )
    return SearchResult(
        items=[
            FoundPassage.model_validate(
                {**asdict(hit), "shown": found.answerable and place < MOST_PASSAGES}
            )
            for place, hit in enumerate(found.hits)
        ],
        answerable=found.answerable,
        least_cosine=found.least_cosine,
        queries=queries,
        timings=SearchTimings.model_validate(asdict(found.timings)),
        lexical_only=found.lexical_only,
    )
