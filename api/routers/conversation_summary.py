"""`/v1/organizations/{organization_id}/conversations/{conversation_id}/summary`"""

from adapters.dynamodb.summaries import StoredSummary, SummaryChanged
from api.dependencies import OperatorDep, Tenant, ViewerDep
from api.preconditions import Precondition, PreconditionDep
from api.problems import Problem, documented, not_found
from api.routers.conversations import find_conversation
from api.routing import ResourceRouter
from api.schemas.memory import SummaryPublic, SummaryUpdate
from contracts.ids import ConversationId

router = ResourceRouter(
    prefix="/v1/organizations/{organization_id}/conversations/{conversation_id}/summary",
    tags=["conversations"],
)


@router.get("", responses=documented(401, 404, 503))
async def get_summary(conversation_id: str, tenant: ViewerDep) -> SummaryPublic:
    """What was said, in short. A conversation that is short itself has none yet: 404."""
    conversation = await find_conversation(conversation_id, tenant)
    return SummaryPublic.model_validate(await _find(conversation.id, tenant))


@router.patch("", responses=documented(401, 403, 404, 409, 412, 422, 503))
async def update_summary(
    conversation_id: str,
    body: SummaryUpdate,
    tenant: OperatorDep,
    precondition: PreconditionDep,
) -> SummaryPublic:
    """Correct it. The assistant knows the new words from its next turn, and goes on from them."""
    conversation = await find_conversation(conversation_id, tenant)
    return SummaryPublic.model_validate(
        await _write(conversation.id, tenant, precondition, text=body.text)
    )


@router.delete("", status_code=204, responses=documented(401, 403, 404, 409, 412, 503))
async def delete_summary(
    conversation_id: str, tenant: OperatorDep, precondition: PreconditionDep
) -> None:
    """Forget it for good: a later summary begins after the messages that this one covers."""
    conversation = await find_conversation(conversation_id, tenant)
    await _write(conversation.id, tenant, precondition, text=None)


async def _write(
    conversation_id: ConversationId,
    tenant: Tenant,
    precondition: Precondition,
    *,
    text: str | None,
) -> StoredSummary:
    """Of two who write at the same time, one has not seen what the other wrote: 409."""
    summary = await _find(conversation_id, tenant)
    precondition.check(summary.revision)
    if text == summary.text:
        return summary
    async with tenant.session() as session:
        await tenant.record(
            session,
            action="conversation_summary.delete" if text is None else "conversation_summary.update",
            resource_id=conversation_id,
            # Not its words: an erasure could not take them out of the audit log.
            secrets=None if text is None else {"text": "changed"},
        )
        # Inside: without an entry in the log there is no change.
        try:
            return await tenant.services.summaries.write(
                tenant.organization_id,
                conversation_id,
                summary,
                text=text,
                source="operator",
                begins_after=summary.covers_up_to if text is None else summary.begins_after,
                covers_up_to=summary.covers_up_to,
                changes_seen_up_to=summary.changes_seen_up_to,
            )
        except SummaryChanged:
            raise Problem(
                409, "The summary is being changed by somebody else. Get it again and try again."
            ) from None


async def _find(conversation_id: ConversationId, tenant: Tenant) -> StoredSummary:
    summary = await tenant.services.summaries.get(tenant.organization_id, conversation_id)
    if summary is None or summary.text is None:
        raise not_found("summary")
    return summary
