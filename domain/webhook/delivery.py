"""Reads a webhook delivery of Meta's into updates, one by one and permissively.

A delivery may hold up to 1,000 updates of many people and numbers. Whatever is wrong with one of
them is that update's own matter (`Unusable`); its neighbours are read all the same.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Final

from domain.webhook.fields import (
    Json,
    as_list,
    as_object,
    integer,
    moment,
    name,
    parse_json,
    phone_digits,
    string,
)
from domain.webhook.identities import (
    Contacts,
    recipient_of,
    sender_of,
    told_change,
    updated_user_ids,
)
from domain.webhook.messages import normalize_echo, normalize_message
from domain.webhook.notices import kind_of, notices_of
from domain.webhook.updates import (
    EchoReceived,
    Identity,
    IdentityChanged,
    MessageReceived,
    Noted,
    PreferenceReceived,
    StatusReceived,
    Unusable,
    Update,
)

__all__ = [
    "EchoReceived",
    "Identity",
    "IdentityChanged",
    "MalformedDelivery",
    "MessageReceived",
    "Noted",
    "PreferenceReceived",
    "StatusReceived",
    "Unusable",
    "Update",
    "read_delivery",
]

STATUSES: Final = frozenset({"sent", "delivered", "read", "played", "failed"})

MAX_UPDATES: Final = 3_000
"""Taken from one delivery. Meta sends at most 1,000; three megabytes could name a million."""

_PREFERENCES: Final = {"stop": True, "resume": False, "signup": False}
"""Whether marketing messages are stopped by each value of the field `user_preferences`."""


class MalformedDelivery(Exception):
    """The body is not a JSON object: nothing in it can be told apart, let alone kept."""


def read_delivery(body: bytes, *, received_at: datetime) -> list[Update]:
    """Every update of a delivery, in its order; `MalformedDelivery` when it is no JSON object."""
    try:
        delivery = parse_json(body)
    except ValueError:
        raise MalformedDelivery("the body is not JSON") from None
    if not isinstance(delivery, dict):
        raise MalformedDelivery("the body is not a JSON object")
    if delivery.get("object") != "whatsapp_business_account":
        return [_unusable("not a delivery of a WhatsApp business account", delivery)]
    updates = list(islice(_updates(delivery, received_at), MAX_UPDATES + 1))
    if len(updates) > MAX_UPDATES:
        updates[MAX_UPDATES:] = [_unusable(f"more than {MAX_UPDATES} updates", delivery)]
    return updates


def _updates(delivery: Json, received_at: datetime) -> Iterator[Update]:
    for entry in map(as_object, as_list(delivery.get("entry"))):
        changes = as_list(entry.get("changes"))
        if not changes:
            yield _unusable("an entry without changes", entry)
        for change in map(as_object, changes):
            field, value = string(change, "field"), as_object(change.get("value"))
            if field is None or not value:
                yield _unusable("a change without field or value", change)
            elif field == "messages":
                yield from _messages_change(value, received_at)
            elif field in _PERSONAL:
                yield from _personal_change(field, value, received_at)
            else:
                yield from notices_of(field, value, account_id=string(entry, "id"))


def _messages_change(value: Json, received_at: datetime) -> Iterator[Update]:
    phone_number_id = string(as_object(value.get("metadata")), "phone_number_id")
    messages, statuses = as_list(value.get("messages")), as_list(value.get("statuses"))
    if not messages and not statuses:
        yield _without_updates(value)
        return
    if phone_number_id is None:
        yield _unusable("no metadata.phone_number_id: it belongs to no number", value)
        return
    contacts = Contacts(as_list(value.get("contacts")))
    for message in map(as_object, messages):
        yield from _message(phone_number_id, message, contacts, value.get("errors"), received_at)
    for status in map(as_object, statuses):
        yield _status(phone_number_id, status, received_at)


def _without_updates(value: Json) -> Noted:
    """Errors alone are of the system, the app or the account; the rest are clicks and the like."""
    errors = as_list(value.get("errors"))
    if not errors:
        return Noted(field="messages", kind=kind_of(value))
    code = integer(as_object(errors[0]).get("code"))
    return Noted(
        field="messages",
        kind="errors",
        subject_id=None if code is None else f"code {code}",
        alarming=True,
    )


def _message(
    phone_number_id: str,
    message: Json,
    contacts: Contacts,
    change_errors: object,
    received_at: datetime,
) -> Iterator[Update]:
    if string(message, "group_id"):
        yield Noted(field="messages", kind="group")
        return
    if string(message, "id") is None:
        yield _unusable("a message without id could not be told from its redelivery", message)
        return
    sender = sender_of(message, contacts)
    if not sender.identifiers:
        yield _unusable("a message without sender", message)
        return
    if message.get("type") == "system":
        change = told_change(
            message, sender, phone_number_id=phone_number_id, received_at=received_at
        )
        if change is not None:
            yield change
    yield MessageReceived(
        phone_number_id=phone_number_id,
        sender=sender,
        message=normalize_message(message, received_at=received_at, change_errors=change_errors),
    )


def _status(phone_number_id: str, status: Json, received_at: datetime) -> Update:
    whatsapp_message_id, value = string(status, "id"), string(status, "status")
    if string(status, "type") == "call":
        return Noted(field="messages", kind="call")
    if status.get("recipient_type") == "group":
        return Noted(field="statuses", kind="group")
    if whatsapp_message_id is None or value is None:
        return _unusable("a status without id or status", status)
    if value not in STATUSES:
        return Noted(field="statuses", kind=name(value) or "unnamed")
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


_PERSONAL: Final = frozenset({"smb_message_echoes", "user_preferences", "user_id_update"})
"""Fields besides `messages` that are about people."""


def _personal_change(field: str, value: Json, received_at: datetime) -> Iterator[Update]:
    metadata = as_object(value.get("metadata"))
    phone_number_id = string(metadata, "phone_number_id")
    if phone_number_id is None:
        yield _unusable("no metadata.phone_number_id: it belongs to no number", value)
        return
    contacts = Contacts(as_list(value.get("contacts")))
    match field:
        case "smb_message_echoes":
            business = phone_digits(string(metadata, "display_phone_number"))
            for echo in map(as_object, as_list(value.get("message_echoes"))):
                yield _echo(phone_number_id, echo, contacts, business, received_at)
        case "user_preferences":
            for preference in map(as_object, as_list(value.get("user_preferences"))):
                yield _preference(phone_number_id, preference, contacts, received_at)
        case _:
            changes = updated_user_ids(
                value, contacts, phone_number_id=phone_number_id, received_at=received_at
            )
            for change in changes:
                yield change or Noted(field=field, kind="unchanged")


def _echo(
    phone_number_id: str,
    echo: Json,
    contacts: Contacts,
    business: str | None,
    received_at: datetime,
) -> Update:
    if string(echo, "group_id"):
        return Noted(field="smb_message_echoes", kind="group")
    if string(echo, "id") is None:
        return _unusable("an echo without id could not be told from its redelivery", echo)
    recipient = recipient_of(echo, contacts, business=business)
    if not recipient.identifiers:
        return _unusable("an echo without recipient", echo)
    return EchoReceived(
        phone_number_id=phone_number_id,
        recipient=recipient,
        echo=normalize_echo(echo, received_at=received_at),
    )


def _preference(
    phone_number_id: str, preference: Json, contacts: Contacts, received_at: datetime
) -> Update:
    value = preference.get("value")
    stopped = _PREFERENCES.get(value) if isinstance(value, str) else None
    if preference.get("category") != "marketing_messages" or stopped is None:
        return Noted(field="user_preferences", kind=name(value) or "unnamed")
    person = contacts.identity(
        wa_id=string(preference, "wa_id"),
        user_id=string(preference, "user_id"),
        parent_user_id=string(preference, "parent_user_id"),
    )
    if not person.identifiers:
        return _unusable("a preference of nobody", preference)
    return PreferenceReceived(
        phone_number_id=phone_number_id,
        person=person,
        stopped=stopped,
        at=moment(preference.get("timestamp"), default=received_at),
    )


def _unusable(reason: str, raw: object) -> Unusable:
    try:
        return Unusable(reason=reason, raw=json.dumps(raw))
    except RecursionError:
        return Unusable(reason=reason, raw='"nested too deeply to be kept"')
