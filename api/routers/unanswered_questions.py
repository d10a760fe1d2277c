"""`…/knowledge-bases/{knowledge_base_id}/unanswered-questions`"""

from sqlmodel.ext.asyncio.session import AsyncSession

from adapters.postgres import knowledge_bases, unanswered_questions
from api.dependencies import AdminDep, PlaceDep, ViewerDep
from api.problems import documented, not_found
from api.routing import ResourceRouter
from api.schemas.base import Listing
from api.schemas.knowledge import UnansweredQuestionPublic

router = ResourceRouter(
    prefix="/v1/organizations/{organization_id}/knowledge-bases/{knowledge_base_id}"
    "/unanswered-questions",
    tags=["knowledge bases"],
)


@router.get("", responses=documented(401, 404, 422, 503))
async def list_unanswered_questions(
    knowledge_base_id: str, place: PlaceDep, tenant: ViewerDep
) -> Listing[UnansweredQuestionPublic]:
    """What people asked and found no answer to in the last 90 days, most asked first.

    Questions that differ in case and punctuation only are one. A question of an assistant with
    several knowledge bases stands in the list of each. E-mail addresses, links and long numbers are
    masked; what one person asked goes when they are erased.
    """
    async with tenant.session() as session:
        await _check_knowledge_base(session, knowledge_base_id)
        page = await unanswered_questions.page(session, knowledge_base_id, **place._asdict())
    return Listing(
        items=[UnansweredQuestionPublic.model_validate(one) for one in page.items],
        next_cursor=page.next_cursor,
    )


@router.delete("/{question_id}", status_code=204, responses=documented(401, 403, 404, 503))
async def delete_unanswered_question(
    knowledge_base_id: str, question_id: str, tenant: AdminDep
) -> None:
    """Take it off the list: it is answered now, or needs no answer. Who asks it again without an
    answer puts it back."""
    async with tenant.session() as session:
        await _check_knowledge_base(session, knowledge_base_id)
        if not await unanswered_questions.remove(session, knowledge_base_id, question_id):
            raise not_found("question")
        await tenant.record(session, action="unanswered_question.delete", resource_id=question_id)


async def _check_knowledge_base(session: AsyncSession, knowledge_base_id: str) -> None:
    if await knowledge_bases.get(session, knowledge_base_id) is None:
        raise not_found("knowledge base")
