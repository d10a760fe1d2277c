"""What each type of message means to the assistant."""

import json
from typing import Any

import pytest

from contracts.conversation import InboundMessage, Referral
from domain.webhook.details import MAX_BYTES, fitted
from domain.webhook.messages import normalize_message
from tests.domain.test_webhook_delivery import NOW
from tests.fuzz import corpus


def read(name: str, **fields: Any) -> InboundMessage:
    return normalize_message(corpus.message(name, **fields), received_at=NOW)


@pytest.mark.parametrize(
    ("name", "words", "reply"),
    [
        ("text", "Do you open on Sunday?", "answer"),
        ("image", "[image]", "answer"),
        ("image_captioned", "Is this the one?", "answer"),
        ("video", "[video]", "answer"),
        ("audio", "[audio]", "answer"),
        ("voice_note", "[voice note]", "answer"),
        ("document", "[document: invoice.pdf]", "answer"),
        ("sticker", "[sticker]", "answer"),
        ("location",
         "[location: Sagrada Familia; Carrer de Mallorca 401; 41.403600, 2.174400]", "answer"),
        ("contacts", "[contacts: Ben Ray, +34 600 555 666; unnamed]", "answer"),
        ("own_contact", "[their own contact: Ana, +34 600 111 222]", "answer"),
        ("button_reply", "Cancel", "answer"),
        ("list_reply", "Tuesday", "answer"),
        ("flow_reply", '[form flow: day: Monday; guests: 4; extras: ["cake"]]', "answer"),
        ("address_reply",
         '[form address_message: values: {"city": "Graz", "house_number": "1"}]', "answer"),
        ("call_permission", "[call permission: accept]", "none"),
        ("template_button", "Unsubscribe", "answer"),
        ("reaction", "[reaction: 👍]", "none"),
        ("reaction_removed", "[reaction removed]", "none"),
        ("order",
         "[order: 2 x bell at 7.5 EUR; 1 x lamp at 30 EUR; total 45.00 EUR; note: ring twice]",
         "answer"),
        ("edit", "[edited: Do you open on Monday?]", "none"),
        ("edit_of_caption", "[edited: And this?]", "none"),
        ("revoke", "[deleted a message]", "none"),
        ("number_changed", "[system: user_changed_number]", "none"),
        ("user_id_changed", "[system: user_changed_user_id]", "none"),
        ("identity_changed", "[system: customer_identity_changed]", "none"),
        ("request_welcome", None, "acknowledge"),
        ("unsupported_poll",
         "[unsupported message: poll (WhatsApp does not pass this kind on)]", "acknowledge"),
        ("too_large", "[file: too large for WhatsApp to deliver]", "answer"),
        ("type_of_the_future", "[unsupported message: hologram]", "acknowledge"),
    ],
)  # fmt: skip
def test_every_type_has_its_words_and_its_reply(name: str, words: str | None, reply: str) -> None:
    message = read(name)
    assert (message.text, message.reply) == (words, reply)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"type": "interactive"}, "[unsupported message: interactive]"),
        ({"type": "interactive", "interactive": {"button_reply": {}}},
         "[unsupported message: interactive]"),
        ({"type": "image", "image": {"mime_type": "image/png"}}, "[unsupported message: image]"),
        ({"type": "location", "location": {}}, "[unsupported message: location]"),
        ({"type": "contacts", "contacts": []}, "[unsupported message: contacts]"),
        ({"type": "order", "order": {}}, "[unsupported message: order]"),
        ({"type": "text", "text": {"body": "\x00"}}, "[unsupported message: text]"),
        ({"type": "text", "text": "not an object"}, "[unsupported message: text]"),
        ({"type": None}, "[unsupported message]"),
        ({"type": "unsupported", "errors": [{"code": 9}]}, "[unsupported message (error 9)]"),
    ],
)  # fmt: skip
def test_a_type_without_its_content_is_a_placeholder(content: dict[str, Any], words: str) -> None:
    message = normalize_message({"id": "wamid.1", **content}, received_at=NOW)
    assert (message.type, message.text, message.reply) == ("unsupported", words, "acknowledge")


def test_an_interactive_message_without_content_has_the_reason_of_its_change() -> None:
    bare = {"id": "wamid.1", "type": "interactive"}
    message = normalize_message(bare, received_at=NOW, change_errors=[{"code": 131000}])
    assert message.text == "[unsupported message: interactive (WhatsApp failed to pass it on)]"
    assert message.details == {"error": {"code": 131000}}


def test_an_image_that_was_too_large_says_so_and_is_answered() -> None:
    bare = {"id": "wamid.1", "type": "image", "errors": [{"code": 131052}]}
    message = normalize_message(bare, received_at=NOW)
    assert (message.text, message.reply) == (
        "[image: too large for WhatsApp to deliver]",
        "answer",
    )


@pytest.mark.parametrize("name", ["reaction", "reaction_removed", "edit", "revoke"])
def test_what_is_about_a_message_refers_to_it(name: str) -> None:
    message = read(name)
    assert message.refers_to == corpus.QUOTED
    assert message.in_reply_to is None


def test_a_call_permission_refers_to_the_message_that_asked_for_it() -> None:
    assert read("call_permission").refers_to == corpus.QUOTED


@pytest.mark.parametrize(
    ("name", "choice"),
    [("button_reply", "cancel-1"), ("list_reply", "slot-2"), ("template_button", "unsubscribe")],
)
def test_a_choice_has_its_id_and_what_it_was_offered_in(name: str, choice: str) -> None:
    message = read(name)
    assert (message.choice_id, message.in_reply_to) == (choice, corpus.QUOTED)


def test_a_file_is_kept_by_reference() -> None:
    media = read("voice_note").media
    assert media is not None
    assert (media.media_id, media.voice, media.mime_type) == ("900", True, "audio/ogg; codecs=opus")
    sticker = read("sticker").media
    assert sticker is not None
    assert sticker.animated


def test_forwards_are_marked() -> None:
    assert read("text_forwarded").forwarded
    assert read("text_forwarded_often").forwarded
    assert not read("text_reply").forwarded


def test_the_ad_that_a_message_came_from_is_kept_apart_from_its_words() -> None:
    message = read("text_from_ad")
    assert message.text == "Is it still on?"
    assert message.referral == Referral(
        source_url="https://fb.example/ad",
        source_type="ad",
        source_id="120",
        headline="Spring sale",
        body="Everything must go",
        ctwa_clid="click-1",
    )
    assert read("text").referral is None


def test_the_product_that_a_question_is_about_is_in_its_details() -> None:
    assert read("text_about_product").details == {
        "referred_product": {"catalog_id": "cat-1", "product_retailer_id": "bike-7"}
    }


def test_a_form_has_its_answers_as_data_and_no_token() -> None:
    details = read("flow_reply").details
    assert details == {
        "form": {"name": "flow", "answers": {"day": "Monday", "guests": 4, "extras": ["cake"]}}
    }


def test_a_form_that_cannot_be_read_was_still_sent() -> None:
    reply = {"name": "flow", "response_json": '{"a": '}
    message = read("flow_reply", interactive={"type": "nfm_reply", "nfm_reply": reply})
    assert (message.text, message.reply) == ("[form flow: sent without answers]", "answer")


def test_places_contacts_and_orders_are_data_too() -> None:
    details = read("location").details
    assert details is not None
    assert details["location"]["latitude"] == 41.4036
    details = read("contacts").details
    assert details is not None
    assert details["contacts"][0] == {
        "name": "Ben Ray",
        "company": "Ray Ltd",
        "phones": [{"phone": "+34 600 555 666", "wa_id": "34600555666", "type": "CELL"}],
        "emails": ["ben@example.com"],
    }
    details = read("own_contact").details
    assert details is not None
    assert details["contacts"][0]["own"] is True
    details = read("order").details
    assert details is not None
    assert details["order"]["items"][1] == {
        "product_retailer_id": "lamp",
        "quantity": 1,
        "item_price": 30.0,
        "currency": "EUR",
    }


def test_a_system_message_repeats_no_phone_number() -> None:
    assert corpus.NUMBER not in read("number_changed").model_dump_json()


@pytest.mark.parametrize(
    "details",
    [
        {"a": ["x" * 2_000] * 200},
        {"a": {str(number): ["ü" * 900] * 50 for number in range(500)}},
        {"a": [[[[["x" * 100] * 100] * 100] * 2] * 2]},
    ],
)
def test_details_that_are_too_large_are_cut_and_say_so(details: dict[str, Any]) -> None:
    kept = fitted(details)
    assert kept is not None
    assert kept["truncated"] is True
    assert len(json.dumps(kept, ensure_ascii=False).encode()) <= MAX_BYTES


def test_details_are_plain_json() -> None:
    odd = {"n": float("nan"), "i": 10**30, "d": [[[[[[["deep"]]]]]]], "\ud800": "\ud800\x00"}
    kept = fitted(odd)
    assert kept is not None
    assert kept["n"] is None
    assert kept["i"] == str(10**30)
    assert kept["?"] == "?"
    json.dumps(kept, allow_nan=False).encode()
