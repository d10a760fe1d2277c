"""Normalises one inbound message: what the person said in words, and what it asks of us.

| type | in words | reply |
|---|---|---|
| text, button, button and list replies | what was typed or chosen | answer |
| image, video, document with a caption | the caption | answer |
| those without, audio, sticker, location, contacts, order, flow | a placeholder | acknowledge |
| unsupported, or unknown to us | a placeholder | acknowledge |
| request_welcome | nothing | acknowledge |
| reaction, edit, revoke, system, call permission | a placeholder | none |
"""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from contracts.conversation import InboundMessage, MediaReference, MessageType, ReplyKind
from domain.webhook.fields import Json, as_list, as_object, moment, number, prose, string


class _Meaning(NamedTuple):
    type: MessageType
    text: str | None
    reply: ReplyKind
    media: MediaReference | None = None


def normalize_message(message: Json, *, received_at: datetime) -> InboundMessage:
    """A message that has an id, whatever else it has or lacks."""
    kind = string(message, "type") or "unsupported"
    read = _READERS.get(kind, _unsupported)
    meaning = read(message)
    return InboundMessage(
        whatsapp_message_id=string(message, "id") or "",
        type=meaning.type,
        reply=meaning.reply,
        text=meaning.text,
        media=meaning.media,
        in_reply_to=string(as_object(message.get("context")), "id"),
        sent_at=moment(message.get("timestamp"), default=received_at),
    )


def _text(message: Json) -> _Meaning:
    body = prose(as_object(message.get("text")), "body")
    return _Meaning("text", body, "answer") if body else _unsupported(message)


def _media(kind: MessageType) -> Callable[[Json], _Meaning]:
    def read(message: Json) -> _Meaning:
        content = as_object(message.get(kind))
        caption, filename = prose(content, "caption"), string(content, "filename")
        media_id = string(content, "id")
        media = media_id and MediaReference(
            media_id=media_id,
            mime_type=string(content, "mime_type"),
            sha256=string(content, "sha256"),
            filename=filename,
            voice=content.get("voice") is True,
        )
        name = "voice note" if content.get("voice") is True else kind
        return _Meaning(
            kind,
            caption or (f"[{name}: {filename}]" if filename else f"[{name}]"),
            "answer" if caption else "acknowledge",
            media or None,
        )

    return read


def _location(message: Json) -> _Meaning:
    place = as_object(message.get("location"))
    latitude, longitude = number(place.get("latitude")), number(place.get("longitude"))
    parts = [prose(place, "name"), prose(place, "address")]
    if latitude is not None and longitude is not None:
        parts.append(f"{latitude:.6f}, {longitude:.6f}")
    return _Meaning("location", f"[location: {'; '.join(filter(None, parts))}]", "acknowledge")


def _contacts(message: Json) -> _Meaning:
    names = [
        prose(as_object(as_object(contact).get("name")), "formatted_name") or "unnamed"
        for contact in as_list(message.get("contacts"))[:20]
    ]
    return _Meaning("contacts", f"[contacts: {', '.join(names)}]", "acknowledge")


def _interactive(message: Json) -> _Meaning:
    interactive = as_object(message.get("interactive"))
    for choice in ("button_reply", "list_reply"):
        title = prose(as_object(interactive.get(choice)), "title")
        if title:
            return _Meaning("interactive", title, "answer")
    if interactive.get("type") == "call_permission_reply":
        response = string(as_object(interactive.get("call_permission_reply")), "response")
        return _Meaning("interactive", f"[call permission: {response or 'unknown'}]", "none")
    if interactive.get("type") == "nfm_reply":
        answers = prose(as_object(interactive.get("nfm_reply")), "response_json")
        return _Meaning("interactive", f"[form: {answers or 'empty'}]", "acknowledge")
    return _unsupported(message)


def _button(message: Json) -> _Meaning:
    button = as_object(message.get("button"))
    text = prose(button, "text") or prose(button, "payload")
    return _Meaning("button", text, "answer") if text else _unsupported(message)


def _reaction(message: Json) -> _Meaning:
    emoji = prose(as_object(message.get("reaction")), "emoji")
    return _Meaning("reaction", f"[reaction: {emoji}]" if emoji else "[reaction removed]", "none")


def _order(message: Json) -> _Meaning:
    order = as_object(message.get("order"))
    items = len(as_list(order.get("product_items")))
    note = prose(order, "text")
    return _Meaning(
        "order", f"[order of {items} products{f': {note}' if note else ''}]", "acknowledge"
    )


def _edit(message: Json) -> _Meaning:
    edited = as_object(as_object(message.get("edit")).get("message"))
    kind = string(edited, "type") or ""
    content = as_object(edited.get(kind))
    text = prose(content, "body") or prose(content, "caption")
    return _Meaning("edit", f"[edited: {text}]" if text else "[edited]", "none")


def _revoke(_message: Json) -> _Meaning:
    return _Meaning("revoke", "[deleted a message]", "none")


def _system(message: Json) -> _Meaning:
    kind = string(as_object(message.get("system")), "type") or "notice"
    return _Meaning("system", f"[system: {kind}]", "none")


def _request_welcome(_message: Json) -> _Meaning:
    return _Meaning("request_welcome", None, "acknowledge")


def _unsupported(message: Json) -> _Meaning:
    kind = string(as_object(message.get("unsupported")), "type") or string(message, "type")
    if kind in (None, "unsupported"):
        return _Meaning("unsupported", "[unsupported message]", "acknowledge")
    return _Meaning("unsupported", f"[unsupported message: {(kind or '')[:64]}]", "acknowledge")


_READERS: dict[str, Callable[[Json], _Meaning]] = {
    "text": _text,
    "image": _media("image"),
    "video": _media("video"),
    "audio": _media("audio"),
    "document": _media("document"),
    "sticker": _media("sticker"),
    "location": _location,
    "contacts": _contacts,
    "interactive": _interactive,
    "button": _button,
    "reaction": _reaction,
    "order": _order,
    "edit": _edit,
    "revoke": _revoke,
    "system": _system,
    "request_welcome": _request_welcome,
}
