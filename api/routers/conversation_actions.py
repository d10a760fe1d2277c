"""What operators do in `/v1/organizations/{organization_id}/conversations/{conversation_id}`"""

from pydantic import ValidationError

from adapters.dynamodb.conversations import StoredConversation
from adapters.dynamodb.drafts import Draft, DraftPart
from adapters.temporal.conversations import ConversationNotRunning
from api.conversation_desk import (
    ConversationChange,
    PostedMessage,
    acting,
    check_may_be_sent,
    ref_of,
    show,
)
from api.dependencies import OperatorDep, Tenant
from api.problems import documented, invalid, not_found
from api.routers.conversations import find_conversation
from api.routing import ResourceRouter
from api.schemas.conversations import ConversationPublic, MessagePublic
from api.schemas.operator_messages import OperatorMessageCreate, content_of
from contracts.conversation import OperatorMessage, Turn
from contracts.ids import MessageId, post_turn_id

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
    async with acting(tenant) as act:
        await act.is_told(
            "conversation.take_over", conversation.id, ConversationChange(status="human")
        )
        await tenant.services.desk.take_over(
            ref_of(tenant, conversation), act.operator, update_id=f"take-over-{tenant.seed}"
        )
    return await show(
        tenant,
        conversation,
        until=lambda now: now.handoff is not None and now.handoff.operator == act.operator,
    )


@router.post("/release", responses=documented(401, 403, 404, 409, 503))
async def release_conversation(conversation_id: str, tenant: OperatorDep) -> ConversationPublic:
    """Hand the conversation back: the assistant answers the next message again.

    Nothing happens where no human has it.
    """
    conversation = await find_conversation(conversation_id, tenant)
    try:
        async with acting(tenant) as act:
            await act.is_told(
                "conversation.release", conversation.id, ConversationChange(status="bot")
            )
            await tenant.services.desk.release(
                ref_of(tenant, conversation), act.operator, update_id=f"release-{tenant.seed}"
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
        async with acting(tenant) as act:
            await act.is_told(
                "conversation.close", conversation.id, ConversationChange(status="closed")
            )
            await tenant.services.desk.close(
                ref_of(tenant, conversation), act.operator, update_id=f"close-{tenant.seed}"
            )
    except ConversationNotRunning:
        return ConversationPublic.of(conversation)
    return await show(tenant, conversation, until=lambda now: now.status == "closed")


@router.post("/messages", status_code=201, responses=documented(401, 403, 404, 409, 422, 503))
async def send_message(
    conversation_id: str, body: OperatorMessageCreate, tenant: OperatorDep
) -> MessagePublic:
    """Write to the person. It goes out at once, in its turn; `status` says what became of it.

    Whoever writes freely has the conversation: the assistant is silent from then on, as after
    `takeover`. A template leaves the conversation with whom it is. Outside the service window, 24
    hours after the person's last message, WhatsApp takes templates only.
    """
    conversation = await find_conversation(conversation_id, tenant)
    await check_may_be_sent(tenant, conversation, is_template=body.template is not None)
    part = await _part_of(body, conversation, tenant)
    ref, post_id = ref_of(tenant, conversation), tenant.seed
    turn = Turn(conversation=ref, turn_id=post_turn_id(post_id), message_ids=[])
    services = tenant.services
    async with acting(tenant) as act:
        draft = Draft(parts=(part,), sender="operator", operator=act.operator)
        post = OperatorMessage(
            post_id=post_id,
            draft_id=await services.outbox.save_draft(turn, draft),
            operator=act.operator,
            template=body.template is not None,
        )
        accepted = await services.desk.send_message(ref, post)
        await act.is_told(
            "message.create",
            accepted.message_id,
            PostedMessage(conversation_id=conversation.id, type=part.to_send.type),
        )
    # The workflow sends it, whatever becomes of this process: here it is only shown.
    await services.outbox.enqueue(turn, message_id=accepted.message_id, draft=draft)
    stored = await services.conversations.message(
        tenant.organization_id, conversation.id, accepted.message_id
    )
    if stored is None:
        raise not_found("conversation")
    return MessagePublic.model_validate(stored)


async def _part_of(
    body: OperatorMessageCreate, conversation: StoredConversation, tenant: Tenant
) -> DraftPart:
    try:
        reacted_to = None
        if body.reaction is not None:
            reacted_to = await _wamid(
                body.reaction.message_id, "reaction.message_id", conversation, tenant
            )
        quoted = None
        if body.reply_to is not None:
            quoted = await _wamid(body.reply_to, "reply_to", conversation, tenant)
        return DraftPart.of(content_of(body, reacted_to=reacted_to), reply_to=quoted)
    except ValidationError as error:
        raise invalid("body", error.errors(include_url=False)[0]["msg"]) from error


async def _wamid(
    message_id: str, field: str, conversation: StoredConversation, tenant: Tenant
) -> str:
    """The id at WhatsApp of a message of the conversation."""
    message = await tenant.services.conversations.message(
        tenant.organization_id, conversation.id, MessageId(message_id)
    )
    if message is None or message.whatsapp_message_id is None:
        raise invalid(field, "is no message of this conversation that WhatsApp knows")
    return message.whatsapp_message_id
