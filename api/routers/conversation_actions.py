"""What operators do in `/v1/organizations/{organization_id}/conversations/{conversation_id}`"""

from adapters.temporal.conversations import ConversationNotRunning
from api.conversation_desk import acting, ref_of, show
from api.dependencies import OperatorDep
from api.problems import documented
from api.routers.conversations import find_conversation
from api.routing import ResourceRouter
from api.schemas.conversations import ConversationPublic

router = ResourceRouter(
    prefix="/v1/organizations/{organization_id}/conversations/{conversation_id}",
    tags=["conversations"],
)


@router.post("/takeover", responses=documented(401, 403, 404, 409, 503))
async def take_over_conversation(conversation_id: str, tenant: OperatorDep) -> ConversationPublic:
    """Take the conversation over: from now on the assistant is silent.

    What it was doing is cancelled, tools too. When this answers, nothing of it is on its way. It
    answers again after `release`, or when no human has written for as long as the assistant's
    `handoff` says. What another operator has may be taken over as well.
    """
    conversation = await find_conversation(conversation_id, tenant)
    async with acting(
        tenant, action="conversation.take_over", resource_id=conversation.id
    ) as operator:
        await tenant.services.desk.take_over(
            ref_of(tenant, conversation), operator, update_id=f"take-over-{tenant.seed}"
        )
    return await show(
        tenant,
        conversation,
        until=lambda now: now.handoff is not None and now.handoff.operator == operator,
    )


@router.post("/release", responses=documented(401, 403, 404, 409, 503))
async def release_conversation(conversation_id: str, tenant: OperatorDep) -> ConversationPublic:
    """Hand the conversation back: the assistant answers the next message again.

    Nothing happens where no human has it.
    """
    conversation = await find_conversation(conversation_id, tenant)
    try:
        async with acting(
            tenant, action="conversation.release", resource_id=conversation.id
        ) as operator:
            await tenant.services.desk.release(
                ref_of(tenant, conversation), operator, update_id=f"release-{tenant.seed}"
            )
    except ConversationNotRunning:
        return ConversationPublic.of(conversation)
    return await show(tenant, conversation, until=lambda now: now.status != "human")


@router.post("/close", responses=documented(401, 403, 404, 409, 503))
async def close_conversation(conversation_id: str, tenant: OperatorDep) -> ConversationPublic:
    """Close the conversation, whoever has it. The person's next message opens it again.

    A reply that is being written is not sent. Nothing happens where it is closed.
    """
    conversation = await find_conversation(conversation_id, tenant)
    try:
        async with acting(
            tenant, action="conversation.close", resource_id=conversation.id
        ) as operator:
            await tenant.services.desk.close(
                ref_of(tenant, conversation), operator, update_id=f"close-{tenant.seed}"
            )
    except ConversationNotRunning:
        return ConversationPublic.of(conversation)
    return await show(tenant, conversation, until=lambda now: now.status == "closed")
