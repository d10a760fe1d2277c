"""Bodies of outbound messages, as Meta's `POST /{phone_number_id}/messages` takes them."""

from typing import Any

from contracts.outbound import (
    ButtonsContent,
    LinkButtonContent,
    ListContent,
    LocationContent,
    LocationRequestContent,
    MediaContent,
    OutboundContent,
    ReactionContent,
    TemplateContent,
    TextContent,
)
from domain.outbound.graph_template import template_object

Json = dict[str, Any]


def graph_message(
    content: OutboundContent,
    *,
    wa_id: str | None,
    user_id: str | None,
    callback: str,
    reply_to: str | None = None,
) -> Json:
    """The request that sends `content` to a person known by number or by business-scoped id.

    The number goes out with its `+`: without it Meta puts the business's own country code before
    it. `to` wins where both are given, so only one is.

    Args:
        callback: what Meta echoes in every status, as `callback_data` makes it.
        reply_to: `whatsapp_message_id` of the message that this one quotes.

    Raises:
        ValueError: neither number nor user id; or a reaction that quotes (Meta: "Reaction
            messages").
    """
    kind, described = _typed(content)
    message: Json = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "type": kind,
        kind: described,
        "biz_opaque_callback_data": callback,
    }
    if reply_to is not None:
        if isinstance(content, ReactionContent):
            raise ValueError("a reaction cannot quote a message")
        message["context"] = {"message_id": reply_to}
    if wa_id:
        return {**message, "to": f"+{wa_id}"}
    if user_id:
        return {**message, "recipient": user_id}
    raise ValueError("a person without number and without user id cannot be written to")


def _typed(content: OutboundContent) -> tuple[str, Json]:
    """Meta's type, and the object that stands under it."""
    match content:
        case TextContent(body=body, preview_url=preview):
            return "text", {"body": body, "preview_url": preview}
        case MediaContent():
            return content.type, _media(content)
        case LocationContent():
            return "location", content.model_dump(exclude={"type"}, exclude_none=True)
        case ReactionContent(whatsapp_message_id=message_id, emoji=emoji):
            return "reaction", {"message_id": message_id, "emoji": emoji}
        case TemplateContent():
            return "template", template_object(content)
        case _:
            return "interactive", _interactive(content)


def _media(content: MediaContent) -> Json:
    media: Json = {"link": content.link} if content.link else {"id": content.media_id}
    if content.caption is not None:
        media["caption"] = content.caption
    if content.filename is not None:
        media["filename"] = content.filename
    if content.voice:
        media["voice"] = True
    return media


def _interactive(
    content: ButtonsContent | ListContent | LinkButtonContent | LocationRequestContent,
) -> Json:
    interactive: Json = {"body": {"text": content.body}}
    if not isinstance(content, LocationRequestContent):
        if content.header is not None:
            interactive["header"] = {"type": "text", "text": content.header}
        if content.footer is not None:
            interactive["footer"] = {"text": content.footer}
    match content:
        case ButtonsContent(options=options):
            buttons = [{"type": "reply", "reply": option.model_dump()} for option in options]
            return interactive | {"type": "button", "action": {"buttons": buttons}}
        case ListContent(button=button, sections=sections):
            shown = [section.model_dump(exclude_none=True) for section in sections]
            return interactive | {"type": "list", "action": {"button": button, "sections": shown}}
        case LinkButtonContent(title=title, url=url):
            parameters = {"display_text": title, "url": url}
            action = {"name": "cta_url", "parameters": parameters}
            return interactive | {"type": "cta_url", "action": action}
        case LocationRequestContent():
            action = {"name": "send_location"}
            return interactive | {"type": "location_request_message", "action": action}
