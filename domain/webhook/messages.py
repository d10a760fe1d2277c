"""Normalises one inbound message: what the person said in words, and what it asks of us.

| type | in words | reply |
|---|---|---|
| text, button, button and list replies | what was typed or chosen | answer |
| image, video, audio, document, sticker | the caption, or a placeholder | answer |
| location, contacts, order, a completed form | a placeholder that says what is in it | answer |
| a file too large for WhatsApp to deliver | a placeholder that says so | answer |
| unsupported, unknown to us, or without content | a placeholder with the reason | acknowledge |
| request_welcome | nothing | acknowledge |
| reaction, edit, revoke, system, call permission | a placeholder | none |
"""

from collections.abc import Callable
from datetime import datetime

from contracts.conversation import (
    EchoedMessage,
    InboundMessage,
    MediaReference,
    MessageType,
    Referral,
)
from domain.webhook.choices import button, interactive
from domain.webhook.details import fitted
from domain.webhook.fields import Json, as_list, as_object, moment, name, prose, string
from domain.webhook.meaning import Meaning
from domain.webhook.shared_things import contacts, location, order
from domain.webhook.undelivered import undelivered


def normalize_message(
    message: Json, *, received_at: datetime, change_errors: object = None
) -> InboundMessage:
    """A message that has an id, whatever else it has or lacks.

    Args:
        change_errors: of the change that the message came in: why it may have no content.
    """
    context = as_object(message.get("context"))
    meaning = _meaning_of(message, change_errors)
    return InboundMessage(
        whatsapp_message_id=string(message, "id") or "",
        type=meaning.type,
        reply=meaning.reply,
        text=meaning.text,
        media=meaning.media,
        in_reply_to=string(context, "id"),
        refers_to=meaning.refers_to,
        choice_id=meaning.choice_id,
        forwarded=context.get("forwarded") is True or context.get("frequently_forwarded") is True,
        referral=_referral(message),
        details=fitted({**(meaning.details or {}), **_product_asked_about(context)}),
        sent_at=moment(message.get("timestamp"), default=received_at),
    )


def normalize_echo(echo: Json, *, received_at: datetime) -> EchoedMessage:
    """The same of a message that somebody of the business typed in the WhatsApp Business app."""
    meaning = _meaning_of(echo, None)
    return EchoedMessage(
        whatsapp_message_id=string(echo, "id") or "",
        type=meaning.type,
        text=meaning.text,
        media=meaning.media,
        sent_at=moment(echo.get("timestamp"), default=received_at),
    )


def _meaning_of(message: Json, change_errors: object) -> Meaning:
    read = _READERS.get(string(message, "type") or "")
    meaning = read(message) if read else None
    return meaning or undelivered(message, as_list(message.get("errors")) or as_list(change_errors))


def _referral(message: Json) -> Referral | None:
    """The ad or post that led to the message. It is kept apart: the person did not write it."""
    told = as_object(message.get("referral"))
    referral = Referral(**{field: string(told, field) for field in Referral.model_fields})
    return referral if referral != Referral() else None


def _product_asked_about(context: Json) -> Json:
    product = as_object(context.get("referred_product"))
    told = {field: string(product, field) for field in ("catalog_id", "product_retailer_id")}
    return {"referred_product": told} if any(told.values()) else {}


def _text(message: Json) -> Meaning | None:
    body = prose(as_object(message.get("text")), "body")
    return Meaning("text", body, "answer") if body else None


def _media(kind: MessageType) -> Callable[[Json], Meaning | None]:
    def read(message: Json) -> Meaning | None:
        content = as_object(message.get(kind))
        caption, filename = prose(content, "caption"), string(content, "filename")
        voice = content.get("voice") is True
        media_id = string(content, "id")
        if media_id is None and caption is None:
            return None
        media = media_id and MediaReference(
            media_id=media_id,
            mime_type=string(content, "mime_type"),
            sha256=string(content, "sha256"),
            filename=filename,
            voice=voice,
            animated=content.get("animated") is True,
        )
        what = "voice note" if voice else kind
        placeholder = f"[{what}: {filename}]" if filename else f"[{what}]"
        return Meaning(kind, caption or placeholder, "answer", media or None)

    return read


def _reaction(message: Json) -> Meaning:
    reaction = as_object(message.get("reaction"))
    emoji = prose(reaction, "emoji")
    return Meaning(
        "reaction",
        f"[reaction: {emoji[:32]}]" if emoji else "[reaction removed]",
        "none",
        refers_to=string(reaction, "message_id"),
    )


def _edit(message: Json) -> Meaning:
    edit = as_object(message.get("edit"))
    edited = as_object(edit.get("message"))
    content = as_object(edited.get(string(edited, "type") or ""))
    text = prose(content, "body") or prose(content, "caption")
    return Meaning(
        "edit",
        f"[edited: {text}]" if text else "[edited]",
        "none",
        refers_to=string(edit, "original_message_id"),
    )


def _revoke(message: Json) -> Meaning:
    revoked = as_object(message.get("revoke"))
    return Meaning(
        "revoke", "[deleted a message]", "none", refers_to=string(revoked, "original_message_id")
    )


def _system(message: Json) -> Meaning:
    """Meta's own words have the numbers in them: the kind is enough."""
    kind = name(as_object(message.get("system")).get("type")) or "notice"
    return Meaning("system", f"[system: {kind}]", "none")


def _request_welcome(_message: Json) -> Meaning:
    return Meaning("request_welcome", None, "acknowledge")


_READERS: dict[str, Callable[[Json], Meaning | None]] = {
    "text": _text,
    "image": _media("image"),
    "video": _media("video"),
    "audio": _media("audio"),
    "document": _media("document"),
    "sticker": _media("sticker"),
    "location": location,
    "contacts": contacts,
    "interactive": interactive,
    "button": button,
    "reaction": _reaction,
    "order": order,
    "edit": _edit,
    "revoke": _revoke,
    "system": _system,
    "request_welcome": _request_welcome,
}
"""`None`: there is nothing in it that the type promises."""
