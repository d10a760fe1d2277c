"""The name under which a message goes out, echoed by Meta in each of its statuses."""

from contracts.ids import ConversationId, MessageId, parties_of


def callback_data(conversation: ConversationId, message: MessageId) -> str:
    """What Meta echoes in every status of the message (`biz_opaque_callback_data`, at most 512
    characters): with it a status finds its message even when the answer to the send was lost."""
    return f"{conversation}.{message}"


def read_callback_data(data: str | None) -> tuple[ConversationId, MessageId] | None:
    """The conversation and the message that `callback_data` named; None if it is not ours."""
    conversation, _, message = (data or "").partition(".")
    try:
        parties_of(conversation)
    except ValueError:
        return None
    if not message or not message.isascii():
        return None
    return ConversationId(conversation), MessageId(message)
