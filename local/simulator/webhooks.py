"""The bodies of webhooks, key by key as Meta sends them."""

from local.simulator.storage.directory import Number, Person
from local.simulator.storage.messages import Message
from local.simulator.wire import JsonObject, dump

BODILESS = ("request_welcome", "unsupported")
"""Types whose object may be missing."""
FREE_FORM_CONVERSATION_SECONDS = 24 * 3600
LAST_VERSION_WITH_CONVERSATION = 23


def message_body(message: Message, *, number: Number, person: Person) -> str:
    """The webhook of something that a person wrote."""
    written = sender(person) | {"id": message.id, "timestamp": str(int(message.at))}
    if message.context is not None:
        written["context"] = message.context
    written |= message.extra.siblings
    if message.type == "raw":
        written |= message.content
    else:
        written["type"] = message.type
        if message.content or message.type not in BODILESS:
            written[message.type] = message.content
    # System messages come without contacts.
    told = None if message.type == "system" else person
    return event_body("messages", {"messages": [written]}, number=number, person=told)


def sender(person: Person) -> JsonObject:
    """Who it is from: a person who hides the number is known by the user id only."""
    number = {} if person.wa_id is None else {"from": person.wa_id}
    return number | {"from_user_id": person.user_id}


def status_body(
    message: Message,
    *,
    status: str,
    at: float,
    number: Number,
    person: Person | None,
    error: JsonObject | None,
    version: int,
) -> str:
    """The webhook of one status of a message that the business sent."""
    item: JsonObject = {"id": message.id, "status": status, "timestamp": str(int(at))}
    if person is None:
        item["recipient_id"] = message.recipient
    else:
        if person.wa_id is not None:
            item["recipient_id"] = person.wa_id
        item["recipient_user_id"] = person.user_id
    if message.callback_data is not None:
        item["biz_opaque_callback_data"] = message.callback_data
    if status in ("sent", "delivered"):
        item["pricing"] = _pricing(message)
        if version <= LAST_VERSION_WITH_CONVERSATION:
            item["conversation"] = _conversation(message, status=status)
    if error is not None:
        item["errors"] = [error]
    # A failure comes without contacts (Meta's BSUID page).
    told = None if status == "failed" else person
    return event_body("messages", {"statuses": [item]}, number=number, person=told)


def _pricing(message: Message) -> JsonObject:
    is_template = message.type == "template"
    return {
        "billable": is_template,
        "pricing_model": "PMP",
        "type": "regular" if is_template else "free_customer_service",
        "category": "utility" if is_template else "service",
    }


def _conversation(message: Message, *, status: str) -> JsonObject:
    conversation: JsonObject = {
        "id": f"{message.phone_number_id}.{message.person_id}",
        "origin": {"type": "utility" if message.type == "template" else "service"},
    }
    if status == "sent":
        conversation["expiration_timestamp"] = str(int(message.at) + FREE_FORM_CONVERSATION_SECONDS)
    return conversation


def event_body(
    field: str, value: JsonObject, *, number: Number, person: Person | None = None
) -> str:
    """The webhook of something that concerns one number, and perhaps a person."""
    head: JsonObject = {
        "messaging_product": "whatsapp",
        "metadata": {
            "display_phone_number": digits_of(number),
            "phone_number_id": number.phone_number_id,
        },
    }
    if person is not None:
        contact: JsonObject = {"profile": {"name": person.name}}
        if person.wa_id is not None:
            contact["wa_id"] = person.wa_id
        head["contacts"] = [contact | {"user_id": person.user_id}]
    return _body({"id": number.waba_id}, field=field, value=head | value)


def account_body(field: str, value: JsonObject, *, number: Number, at: float) -> str:
    """The webhook of something that concerns the whole account: it names no number."""
    return _body({"id": number.waba_id, "time": int(at)}, field=field, value=value)


def digits_of(number: Number) -> str:
    return "".join(char for char in number.display_phone_number if char.isdigit())


def _body(entry: JsonObject, *, field: str, value: JsonObject) -> str:
    change = {"value": value, "field": field}
    return dump({"object": "whatsapp_business_account", "entry": [entry | {"changes": [change]}]})
