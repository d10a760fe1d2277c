"""Bodies of outbound messages, as Meta's `POST /{phone_number_id}/messages` takes them."""

from typing import Any

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


def text_message(
    text: str, *, wa_id: str | None, user_id: str | None, callback: str
) -> dict[str, Any]:
    """A text to a person known by number or by business-scoped id; `ValueError` if by neither.

    The number goes out with its `+`: without it Meta puts the business's own country code before
    it. `to` wins where both are given, so only one is.
    """
    message: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "type": "text",
        "text": {"body": text, "preview_url": False},
        "biz_opaque_callback_data": callback,
    }
    if wa_id:
        return {**message, "to": f"+{wa_id}"}
    if user_id:
        return {**message, "recipient": user_id}
    raise ValueError("a person without number and without user id cannot be written to")
