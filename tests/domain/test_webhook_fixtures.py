"""Payloads that others have recorded, where they are beside the checkout, and what each must do."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from domain.webhook.delivery import read_delivery
from domain.webhook.updates import (
    EchoReceived,
    IdentityChanged,
    MessageReceived,
    Noted,
    PreferenceReceived,
    StatusReceived,
    Unusable,
    Update,
)
from tests.domain.test_webhook_delivery import NOW

Json = dict[str, Any]

ROOT: Final = Path(__file__).parents[3] / "shared/whatsapp/fixtures"
FILES: Final = sorted(ROOT.glob("*/inbound/*.json"))

pytestmark = pytest.mark.skipif(not FILES, reason="the shared fixtures are not beside the checkout")


class Effect(NamedTuple):
    """What a recorded message is to become."""

    type: str
    reply: str
    words: str | None
    refers_to: str | None = None
    choice_id: str | None = None
    media_id: str | None = None


def _media(placeholder: str) -> Callable[[Json], Effect]:
    def effect(raw: Json) -> Effect:
        content = raw[raw["type"]]
        name = f": {content['filename']}" if "filename" in content else ""
        words = content.get("caption") or f"[{placeholder}{name}]"
        return Effect(raw["type"], "answer", words, media_id=content["id"])

    return effect


def _audio(raw: Json) -> Effect:
    return _media("voice note" if raw["audio"]["voice"] else "audio")(raw)


def _interactive(raw: Json) -> Effect:
    content = raw.get("interactive", {})
    match content.get("type"):
        case "button_reply" | "list_reply" as kind:
            chosen = content[kind]
            return Effect("interactive", "answer", chosen["title"], choice_id=chosen["id"])
        case "nfm_reply":
            answers = json.loads(content["nfm_reply"]["response_json"])
            answers.pop("flow_token", None)
            told = "; ".join(f"{name}: {value}" for name, value in answers.items())
            return Effect("interactive", "answer", f"[form flow: {told}]")
        case "call_permission_reply":
            response = content["call_permission_reply"]["response"]
            words = f"[call permission: {response}]"
            return Effect("interactive", "none", words, refers_to=raw["context"]["id"])
        case _:
            words = "[unsupported message: interactive (WhatsApp failed to pass it on)]"
            return Effect("unsupported", "acknowledge", words)


def _reaction(raw: Json) -> Effect:
    emoji = raw["reaction"].get("emoji")
    words = f"[reaction: {emoji}]" if emoji else "[reaction removed]"
    return Effect("reaction", "none", words, refers_to=raw["reaction"]["message_id"])


def _edit(raw: Json) -> Effect:
    edited = raw["edit"]["message"]
    content = edited[edited["type"]]
    words = f"[edited: {content.get('body') or content['caption']}]"
    return Effect("edit", "none", words, refers_to=raw["edit"]["original_message_id"])


def _location(raw: Json) -> Effect:
    place = raw["location"]
    where = f"{place['latitude']:.6f}, {place['longitude']:.6f}"
    parts = [place.get("name"), place.get("address"), where]
    return Effect("location", "answer", f"[location: {'; '.join(filter(None, parts))}]")


def _contacts(raw: Json) -> Effect:
    told = (
        f"{contact['name']['formatted_name']}, {contact['phones'][0]['phone']}"
        for contact in raw["contacts"]
    )
    return Effect("contacts", "answer", f"[contacts: {'; '.join(told)}]")


def _order(raw: Json) -> Effect:
    items = raw["order"]["product_items"]
    lines = [
        f"{item['quantity']} x {item['product_retailer_id']} at {item['item_price']}"
        f" {item['currency']}"
        for item in items
    ]
    total = sum(item["quantity"] * item["item_price"] for item in items)
    words = "; ".join([*lines, f"total {total:.2f} {items[0]['currency']}"])
    return Effect("order", "answer", f"[order: {words}]")


def _unsupported(raw: Json) -> Effect:
    if raw["errors"][0]["code"] == 131052:
        return Effect("unsupported", "answer", "[file: too large for WhatsApp to deliver]")
    kind = raw.get("unsupported", {}).get("type")
    words = f"unsupported message{f': {kind}' if kind else ''}"
    return Effect("unsupported", "acknowledge", f"[{words} (WhatsApp does not pass this kind on)]")


EFFECTS: Final[dict[str, Callable[[Json], Effect]]] = {
    "text": lambda raw: Effect("text", "answer", raw["text"]["body"].replace("\x00", "")),
    "image": _media("image"),
    "video": _media("video"),
    "audio": _audio,
    "document": _media("document"),
    "sticker": _media("sticker"),
    "location": _location,
    "contacts": _contacts,
    "interactive": _interactive,
    "button": lambda raw: Effect(
        "button", "answer", raw["button"]["text"], choice_id=raw["button"]["payload"]
    ),
    "reaction": _reaction,
    "order": _order,
    "edit": _edit,
    "revoke": lambda raw: Effect(
        "revoke", "none", "[deleted a message]", refers_to=raw["revoke"]["original_message_id"]
    ),
    "system": lambda raw: Effect("system", "none", f"[system: {raw['system']['type']}]"),
    "request_welcome": lambda _raw: Effect("request_welcome", "acknowledge", None),
    "unsupported": _unsupported,
}

ALARMING: Final = frozenset(
    {"ACCOUNT_DELETED", "ACCOUNT_OFFBOARDED", "ACCOUNT_RESTRICTION", "ACCOUNT_VIOLATION",
     "DISABLED_UPDATE", "PARTNER_APP_UNINSTALLED", "PARTNER_REMOVED", "PAUSED", "REJECTED"}
)  # fmt: skip


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_recorded_delivery_has_its_documented_effect(path: Path) -> None:
    body = path.read_bytes()
    updates = read_delivery(body, received_at=NOW)
    assert not [update for update in updates if isinstance(update, Unusable)]
    remaining = iter(updates)
    for field, value in _changes(json.loads(body)):
        _check_change(field, value, remaining)
    assert list(remaining) == []


def _changes(delivery: Json) -> Iterator[tuple[str, Json]]:
    for entry in delivery["entry"]:
        for change in entry["changes"]:
            yield change["field"], change["value"]


def _check_change(field: str, value: Json, updates: Iterator[Update]) -> None:
    match field:
        case "messages":
            for raw in value.get("messages", []):
                _check_message(raw, value, updates)
            for raw in value.get("statuses", []):
                _check_status(raw, next(updates))
        case "smb_message_echoes":
            for raw in value["message_echoes"]:
                _check_echo(raw, next(updates))
        case "user_preferences":
            for raw in value["user_preferences"]:
                preference = next(updates)
                assert isinstance(preference, PreferenceReceived)
                assert preference.stopped is (raw["value"] == "stop")
                assert preference.person.wa_id == raw["wa_id"]
                assert preference.at.timestamp() == raw["timestamp"]
        case "calls":
            for raw in [*value.get("calls", []), *value.get("statuses", [])]:
                by_user = raw.get("direction") == "USER_INITIATED"
                kind = raw.get("event") or raw["status"]
                assert next(updates) == Noted(
                    field="calls", kind=f"user_{kind}" if by_user else kind
                )
        case _:
            noted = next(updates)
            assert isinstance(noted, Noted)
            assert noted.field == field
            assert noted.alarming is (value.get("event") in ALARMING)


def _check_message(raw: Json, value: Json, updates: Iterator[Update]) -> None:
    received = next(updates)
    if "group_id" in raw:
        assert received == Noted(field="messages", kind="group")
        return
    new_number = raw.get("system", {}).get("wa_id")
    if new_number:
        assert isinstance(received, IdentityChanged)
        assert received.previous.wa_id == raw["from"]
        assert received.current.wa_id == new_number
        received = next(updates)
    assert isinstance(received, MessageReceived)
    assert received.phone_number_id == value["metadata"]["phone_number_id"]
    assert received.sender.wa_id == raw["from"]
    for contact in value.get("contacts", []):
        if contact["wa_id"] == raw["from"]:
            assert received.sender.user_id == contact.get("user_id")
            assert received.sender.profile_name == contact["profile"]["name"]
    message, context = received.message, raw.get("context", {})
    assert message.whatsapp_message_id == raw["id"]
    assert message.in_reply_to == context.get("id")
    assert message.forwarded is ("forwarded" in context or "frequently_forwarded" in context)
    media_id = message.media.media_id if message.media else None
    assert EFFECTS[raw["type"]](raw) == Effect(
        message.type, message.reply, message.text, message.refers_to, message.choice_id, media_id
    )
    if "referral" in raw:
        assert message.referral is not None
        assert message.referral.headline == raw["referral"]["headline"]
        assert message.referral.ctwa_clid == raw["referral"]["ctwa_clid"]
    if "referred_product" in context:
        assert message.details == {"referred_product": context["referred_product"]}


def _check_status(raw: Json, update: Update) -> None:
    if raw.get("recipient_type") == "group":
        assert update == Noted(field="statuses", kind="group")
        return
    assert isinstance(update, StatusReceived)
    assert (update.whatsapp_message_id, update.status) == (raw["id"], raw["status"])
    assert update.timestamp.timestamp() == min(int(raw["timestamp"]), NOW.timestamp())
    assert update.callback_data == raw.get("biz_opaque_callback_data")
    errors = raw.get("errors")
    assert update.error_code == (errors[0]["code"] if errors else None)


def _check_echo(raw: Json, update: Update) -> None:
    assert isinstance(update, EchoReceived)
    assert update.echo.whatsapp_message_id == raw["id"]
    words = {"edit": "[edited: Text was edited]", "revoke": "[deleted a message]"}
    assert update.echo.text == words.get(raw["type"], "Test message")
    # Edits and deletions name the business in `to`.
    person = raw["to"] if raw["type"] == "text" else raw["from"]
    assert update.recipient.wa_id == person


def test_the_files_are_those_of_the_index_and_all_their_types_are_in_the_table() -> None:
    index = json.loads((ROOT / "INDEX.json").read_text())
    listed = [entry for entry in index if entry["kind"] == "inbound"]
    assert {ROOT / entry["file"] for entry in listed} <= set(FILES)
    types = {kind.partition(".")[0] for entry in listed for kind in entry["message_types"]}
    assert types <= set(EFFECTS)
