"""Every kind of webhook that the phone can cause, beside one that Meta sent."""

import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.simulator.shapes import missing_keys, recorded
from tests.simulator.stage import PHONE_NUMBER_ID, WABA_ID, Stage

PYWA, META, SYNTHETIC = "david-lev__pywa", "facebook__openapi", "synthetic"
FILE = {"content_base64": base64.b64encode(b"bytes").decode(), "mime_type": "image/jpeg"}

FORWARDED = {"forwarded": True}

Cause = Callable[[Stage, dict[str, Any]], Awaitable[object]]


def writing(**message: Any) -> Cause:
    async def cause(stage: Stage, person: dict[str, Any]) -> None:
        await stage.write(person, **{"text": None} | message)

    return cause


def replying(**message: Any) -> Cause:
    """The same as an answer to something that the business sent."""

    async def cause(stage: Stage, person: dict[str, Any]) -> None:
        await stage.write(person)
        sent = await stage.reply(person)
        await stage.receiver.until(lambda: len(stage.receiver.bodies) == 3)
        stage.receiver.bodies.clear()
        context = {"message_id": sent}
        await stage.write(person, **{"text": None, "context": context} | message)

    return cause


def doing(path: str, **body: Any) -> Cause:
    async def cause(stage: Stage, person: dict[str, Any]) -> None:
        number = {"phone_number_id": PHONE_NUMBER_ID} if "wa_id" not in body else {}
        await stage.post(f"people/{person['id']}/{path}", number | body)

    return cause


async def change_number(stage: Stage, person: dict[str, Any]) -> None:
    await stage.write(person)
    await stage.receiver.until(lambda: bool(stage.receiver.bodies))
    stage.receiver.bodies.clear()
    await stage.post(f"people/{person['id']}/number-change")


async def hang_up(stage: Stage, person: dict[str, Any]) -> None:
    number = {"phone_number_id": PHONE_NUMBER_ID}
    call = await stage.post(f"people/{person['id']}/calls", number)
    await stage.receiver.until(lambda: bool(stage.receiver.bodies))
    stage.receiver.bodies.clear()
    await stage.post(f"people/{person['id']}/calls/{call['id']}/end")


async def approve_template(stage: Stage, _: dict[str, Any]) -> None:
    path = f"accounts/{WABA_ID}/templates/hello_world/en_US/events"
    await stage.post(path, {"event": "APPROVED"})


async def reject_template(stage: Stage, _: dict[str, Any]) -> None:
    path = f"accounts/{WABA_ID}/templates/hello_world/en_US/events"
    await stage.post(path, {"event": "REJECTED"})


MEDIA = {"media_type": "image", "source_url": "https://fb.me/x", "source_id": "1"}
AD = MEDIA | {"headline": "Chat with us", "body": "Summer is here", "ctwa_clid": "Aff-n8"}
ORDER_ITEM = {"product_retailer_id": "SODA", "quantity": 2, "item_price": 1.5, "currency": "EUR"}
PRODUCT = {"catalog_id": "1", "product_retailer_id": "SODA"}
PHONES = [{"phone": "+1 202 555 0142", "wa_id": "12025550142", "type": "MOBILE"}]
NAME = {"first_name": "Bo", "last_name": "Diaz", "formatted_name": "Bo Diaz"}
FLOW = {"name": "flow", "body": "Sent", "response_json": "{}"}
ACCEPT = {
    "response": "accept",
    "expiration_timestamp": 1753186982,
    "response_source": "user_action",
}
EDITED = {"context": {"id": "M0"}, "type": "text", "text": {"body": "better"}}
EDITED_IMAGE = {"context": {"id": "M0"}, "type": "image", "image": {"id": "1"}}
ROW = {"id": "r1", "title": "Rye", "description": "dark"}

CAUSES: list[tuple[str, str, Cause]] = [
    (PYWA, "message_text", writing(text="hi")),
    (PYWA, "message_reply", replying(text="to that")),
    (PYWA, "message_forwarded", writing(text="hi", context=FORWARDED)),
    (
        PYWA,
        "message_forwarded_many_times",
        writing(text="hi", context={"frequently_forwarded": True}),
    ),
    (PYWA, "message_image", writing(type="image", image=FILE | {"caption": "look"})),
    (
        PYWA,
        "message_video",
        writing(type="video", video=FILE | {"caption": "look"}, context=FORWARDED),
    ),
    (PYWA, "message_voice", writing(type="audio", audio=FILE | {"voice": True})),
    (PYWA, "message_audio", writing(type="audio", audio=FILE, context=FORWARDED)),
    (
        PYWA,
        "message_document",
        writing(type="document", document=FILE | {"caption": "read"}, context=FORWARDED),
    ),
    (PYWA, "message_static_sticker", writing(type="sticker", sticker=FILE)),
    (PYWA, "message_animated_sticker", writing(type="sticker", sticker=FILE | {"animated": True})),
    (
        META,
        "location_message",
        writing(
            type="location",
            location={
                "latitude": 1.5,
                "longitude": 2,
                "name": "Here",
                "address": "1 Street",
                "url": "https://example.com",
            },
        ),
    ),
    (
        PYWA,
        "message_contacts",
        writing(type="contacts", contacts=[{"name": NAME, "phones": PHONES}]),
    ),
    (
        PYWA,
        "message_reaction",
        writing(type="reaction", reaction={"message_id": "x", "emoji": "👍"}),
    ),
    (
        PYWA,
        "message_unreaction_empty",
        writing(type="reaction", reaction={"message_id": "x", "emoji": ""}),
    ),
    (PYWA, "message_unreaction_no_emoji", writing(type="reaction", reaction={"message_id": "x"})),
    (
        PYWA,
        "message_order",
        writing(type="order", order={"catalog_id": "1", "text": "", "product_items": [ORDER_ITEM]}),
    ),
    (
        META,
        "text_message_with_context_product_inquiry",
        writing(text="Still there?", context={"referred_product": PRODUCT}),
    ),
    (
        META,
        "text_message_from_click_to_whatsapp_ad",
        writing(
            text="hi",
            referral=AD
            | {"welcome_message": {"text": "Hello"}, "image_url": "https://example.com/1.jpg"},
        ),
    ),
    (PYWA, "message_referral", writing(text="hi", referral=AD)),
    (
        PYWA,
        "callback_button_button",
        replying(
            type="interactive",
            interactive={"type": "button_reply", "button_reply": {"id": "1", "title": "Yes"}},
        ),
    ),
    (
        PYWA,
        "callback_selection_description",
        replying(type="interactive", interactive={"type": "list_reply", "list_reply": ROW}),
    ),
    (
        PYWA,
        "callback_button_quick_reply",
        replying(type="button", button={"payload": "yes", "text": "Yes"}),
    ),
    (
        PYWA,
        "flow_completion_completion",
        replying(type="interactive", interactive={"type": "nfm_reply", "nfm_reply": FLOW}),
    ),
    (
        PYWA,
        "call_permission_update_accept",
        replying(
            type="interactive",
            interactive={"type": "call_permission_reply", "call_permission_reply": ACCEPT},
        ),
    ),
    (
        SYNTHETIC,
        "edit_text",
        writing(type="edit", edit={"original_message_id": "x", "message": EDITED}),
    ),
    (PYWA, "deleted_message_revoke", writing(type="revoke", revoke={"original_message_id": "x"})),
    (PYWA, "message_unsupported", writing(type="unsupported")),
    (
        PYWA,
        "message_unsupported_with_type",
        writing(type="unsupported", unsupported={"type": "poll"}),
    ),
    (SYNTHETIC, "group_unsupported_130501", writing(type="unsupported", group_id="Y2FwaV9n")),
    (SYNTHETIC, "media_too_big_131052", writing(type="unsupported", error_code=131052)),
    (SYNTHETIC, "request_welcome", writing(type="request_welcome")),
    (META, "system_message", change_number),
    (PYWA, "system_phone_number_change", change_number),
    (PYWA, "user_marketing_preferences_resume", doing("preferences", value="resume")),
    (PYWA, "outgoing_message_text", doing("echoes", text="From the shop")),
    (
        PYWA,
        "outgoing_message_edit",
        doing("echoes", edit={"original_message_id": "x", "message": EDITED}),
    ),
    (PYWA, "outgoing_message_delete", doing("echoes", revoke={"original_message_id": "x"})),
    (PYWA, "call_connect_user_initiated", doing("calls")),
    (PYWA, "template_status_update_approved", approve_template),
    (PYWA, "template_status_update_rejected", reject_template),
]


@pytest.mark.parametrize(("source", "name", "cause"), CAUSES, ids=[name for _, name, _ in CAUSES])
async def test_keys_that_meta_sends_are_there(
    stage: Stage, source: str, name: str, cause: Cause
) -> None:
    fixture = recorded(f"{source}/inbound/{name}")
    await cause(stage, await stage.person())
    await stage.receiver.until(lambda: bool(stage.receiver.bodies))
    assert missing_keys(fixture, json.loads(stage.receiver.bodies[0])) == []
    assert stage.receiver.bodies[0].isascii()
