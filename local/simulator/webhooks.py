"""The bodies of webhooks, key by key as Meta sends them."""

from local.simulator.storage.directory import Number, Person
from local.simulator.storage.messages import Message
from local.simulator.wire import JsonObject, dump

FREE_FORM_CONVERSATION_SECONDS = 24 * 3600
LAST_VERSION_WITH_CONVERSATION = 23


def message_body(message: Message, *, number: Number, person: Person) -> str:
    """The webhook of something that a person wrote."""
    written: JsonObject = {}
    if person.wa_id is not None:
        written["from"] = person.wa_id
    written["from_user_id"] = person.user_id
    written |= {"id": message.id, "timestamp": str(int(message.at))}
    if message.context is not None:
        written["context"] = message.context
    if message.type == "raw":
        written |= message.content
    else:
        written |= {"type": message.type, message.type: message.content}
    return _body(number, person=person, value={"messages": [written]})


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
    return _body(number, person=told, value={"statuses": [item]})


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


def _body(number: Number, *, person: Person | None, value: JsonObject) -> str:
    digits = "".join(char for char in number.display_phone_number if char.isdigit())
    head: JsonObject = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": digits, "phone_number_id": number.phone_number_id},
    }
    if person is not None:
        contact: JsonObject = {"profile": {"name": person.name}}
        if person.wa_id is not None:
            contact["wa_id"] = person.wa_id
        head["contacts"] = [contact | {"user_id": person.user_id}]
    change = {"value": head | value, "field": "messages"}
    entry = {"id": number.waba_id, "changes": [change]}
    return dump({"object": "whatsapp_business_account", "entry": [entry]})
