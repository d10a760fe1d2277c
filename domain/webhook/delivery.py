"""Reads a webhook delivery of Meta's into updates, one by one and permissively.

A delivery may hold up to 1,000 updates of many people and numbers. Whatever is wrong with one of
them is that update's own matter (`Unusable`); its neighbours are read all the same.
"""

import json
import re
from collections.abc import Iterator
from datetime import datetime

from contracts.conversation import InboundMessage
from contracts.model import Contract
from domain.webhook.fields import Json, as_list, as_object, clean_text, integer, moment, string
from domain.webhook.messages import normalize_message

BSUID = re.compile(r"^[A-Z]{2}\.")
"""A business-scoped user id starts with a country code and a dot. One was seen in `from`."""

STATUSES = frozenset({"sent", "delivered", "read", "played", "failed"})


class MalformedDelivery(Exception):
    """The body is not a JSON object: nothing in it can be told apart, let alone kept."""


class Sender(Contract):
    """Who wrote. Meta may leave the number out, or the business-scoped id; never both."""

    wa_id: str | None = None
    user_id: str | None = None
    parent_user_id: str | None = None
    username: str | None = None
    profile_name: str | None = None


class MessageReceived(Contract):
    phone_number_id: str
    sender: Sender
    message: InboundMessage


class StatusReceived(Contract):
    """A message of ours moved on. Matched by callback data, else by `whatsapp_message_id`."""

    phone_number_id: str
    whatsapp_message_id: str
    status: str
    timestamp: datetime
    callback_data: str | None = None
    error_code: int | None = None
    error_detail: str | None = None


class Noted(Contract):
    """An update that asks nothing of a conversation: account events, calls, groups."""

    field: str
    kind: str


class Unusable(Contract):
    """An update that cannot be acted on; `raw` is kept for whoever looks into it."""

    reason: str
    raw: str


Update = MessageReceived | StatusReceived | Noted | Unusable


def read_delivery(body: bytes, *, received_at: datetime) -> list[Update]:
    """Every update of a delivery, in its order; `MalformedDelivery` when it is no JSON object."""
    try:
        delivery = json.loads(body)
    except (ValueError, RecursionError):
        raise MalformedDelivery("the body is not JSON") from None
    if not isinstance(delivery, dict):
        raise MalformedDelivery("the body is not a JSON object")
    if delivery.get("object") != "whatsapp_business_account":
        return [_unusable("not a delivery of a WhatsApp business account", delivery)]
    return list(_updates(delivery, received_at))


def _updates(delivery: Json, received_at: datetime) -> Iterator[Update]:
    for entry in as_list(delivery.get("entry")):
        changes = as_list(as_object(entry).get("changes"))
        if not changes:
            yield _unusable("an entry without changes", entry)
        for change in changes:
            change_object = as_object(change)
            field = string(change_object, "field") or ""
            value = as_object(change_object.get("value"))
            if field == "messages" and value:
                yield from _messages_change(value, received_at)
            elif field and field != "messages":
                yield Noted(field=field[:64], kind=_kind_of(value))
            else:
                yield _unusable("a change without field or value", change)


def _messages_change(value: Json, received_at: datetime) -> Iterator[Update]:
    phone_number_id = string(as_object(value.get("metadata")), "phone_number_id")
    messages, statuses = as_list(value.get("messages")), as_list(value.get("statuses"))
    if not messages and not statuses:
        yield Noted(field="messages", kind=_kind_of(value))
        return
    if phone_number_id is None:
        yield _unusable("no metadata.phone_number_id: it belongs to no number", value)
        return
    contacts = [as_object(contact) for contact in as_list(value.get("contacts"))]
    for message in messages:
        yield _message(phone_number_id, as_object(message), contacts, received_at)
    for status in statuses:
        yield _status(phone_number_id, as_object(status), received_at)


def _message(
    phone_number_id: str, message: Json, contacts: list[Json], received_at: datetime
) -> Update:
    if string(message, "group_id"):
        return Noted(field="messages", kind="group")
    if string(message, "id") is None:
        return _unusable("a message without id could not be told from its redelivery", message)
    sender = _sender(message, contacts)
    if sender.wa_id is None and sender.user_id is None:
        return _unusable("a message without sender", message)
    return MessageReceived(
        phone_number_id=phone_number_id,
        sender=sender,
        message=normalize_message(message, received_at=received_at),
    )


def _sender(message: Json, contacts: list[Json]) -> Sender:
    """The message names its sender; `contacts` adds names. Never `contacts[0]` blindly: a batch
    may carry several people."""
    wa_id, user_id = string(message, "from"), string(message, "from_user_id")
    if wa_id is not None and BSUID.match(wa_id):
        wa_id, user_id = None, user_id or wa_id
    contact = _contact_of(wa_id, user_id, contacts)
    contact_wa_id = string(contact, "wa_id")
    if contact_wa_id is not None and BSUID.match(contact_wa_id):
        contact_wa_id = None
    profile = as_object(contact.get("profile"))
    return Sender(
        wa_id=_number(wa_id or contact_wa_id),
        user_id=user_id or string(contact, "user_id"),
        parent_user_id=string(message, "from_parent_user_id") or string(contact, "parent_user_id"),
        username=string(profile, "username"),
        profile_name=string(profile, "name"),
    )


def _contact_of(wa_id: str | None, user_id: str | None, contacts: list[Json]) -> Json:
    for contact in contacts:
        if user_id is not None and string(contact, "user_id") == user_id:
            return contact
        if wa_id is not None and string(contact, "wa_id") == wa_id:
            return contact
    if wa_id is None and user_id is None and len(contacts) == 1:
        return contacts[0]
    return {}


def _number(wa_id: str | None) -> str | None:
    return wa_id.removeprefix("+") if wa_id else None


def _status(phone_number_id: str, status: Json, received_at: datetime) -> Update:
    whatsapp_message_id, value = string(status, "id"), string(status, "status")
    if string(status, "type") == "call":
        return Noted(field="messages", kind="call")
    if whatsapp_message_id is None or value is None:
        return _unusable("a status without id or status", status)
    if value not in STATUSES:
        return Noted(field="statuses", kind=value[:64])
    errors = as_list(status.get("errors"))
    error = as_object(errors[0]) if errors else {}
    return StatusReceived(
        phone_number_id=phone_number_id,
        whatsapp_message_id=whatsapp_message_id,
        status=value,
        timestamp=moment(status.get("timestamp"), default=received_at),
        callback_data=string(status, "biz_opaque_callback_data"),
        error_code=integer(error.get("code")),
        error_detail=string(as_object(error.get("error_data")), "details")
        or string(error, "message")
        or string(error, "title"),
    )


def _kind_of(value: Json) -> str:
    known = (key for key in value if key not in {"messaging_product", "metadata", "contacts"})
    return clean_text(next(known, "empty"))[:64]


def _unusable(reason: str, raw: object) -> Unusable:
    return Unusable(reason=reason, raw=json.dumps(raw))
