"""What operators do in a conversation, as the API does it for them."""

from typing import TypeVar

from contracts.conversation import (
    AcceptedMessage,
    CloseConversation,
    ConversationState,
    Operator,
    OperatorMessage,
    Release,
    TakeOver,
)
from contracts.model import Contract
from tests.workflows.conversation_world import RunningConversation

ANA = Operator(api_key_id="key_ana", name="Ana")
Result = TypeVar("Result")


async def take_over(conversation: RunningConversation, by: Operator = ANA) -> ConversationState:
    return await update(conversation, "take_over", TakeOver(operator=by), ConversationState)


async def release(conversation: RunningConversation) -> ConversationState:
    return await update(conversation, "release", Release(operator=ANA), ConversationState)


async def close(conversation: RunningConversation) -> ConversationState:
    return await update(conversation, "close", CloseConversation(operator=ANA), ConversationState)


async def post(
    conversation: RunningConversation, text: str, *, post_id: str, template: bool = False
) -> AcceptedMessage:
    """What the API does: the draft is there before the workflow hears of it."""
    draft_id = f"post {post_id}"
    conversation.world.drafts[draft_id] = text
    message = OperatorMessage(post_id=post_id, draft_id=draft_id, operator=ANA, template=template)
    return await update(conversation, "send_message", message, AcceptedMessage)


async def update(
    conversation: RunningConversation, name: str, argument: Contract, result_type: type[Result]
) -> Result:
    result: Result = await conversation.handle.execute_update(
        name, argument, result_type=result_type
    )
    return result
