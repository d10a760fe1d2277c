"""Deliveries of Meta's, well-formed and otherwise."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.webhook.delivery import (
    MalformedDelivery,
    MessageReceived,
    Noted,
    StatusReceived,
    Unusable,
    Update,
    read_delivery,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FIXTURES = sorted((Path(__file__).parents[3] / "shared/whatsapp/fixtures").glob("*/inbound/*.json"))


def delivery(*messages: dict[str, Any], contacts: object = None, **value: Any) -> bytes:
    """A delivery with one change of field `messages`."""
    content = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550001111", "phone_number_id": "1001"},
        "contacts": contacts or [],
        "messages": list(messages),
        **value,
    }
    change = {"field": "messages", "value": content}
    return json.dumps(
        {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]}
    ).encode()


def text(body: str = "hello", **fields: Any) -> dict[str, Any]:
    return {
        "from": "34600111222",
        "id": "wamid.1",
        "timestamp": "1772366400",
        "type": "text",
        "text": {"body": body},
        **fields,
    }


def read(body: bytes) -> list[Update]:
    return read_delivery(body, received_at=NOW)


def only_message(body: bytes) -> MessageReceived:
    (update,) = read(body)
    assert isinstance(update, MessageReceived)
    return update


def test_a_text_has_sender_words_and_time() -> None:
    received = only_message(
        delivery(
            text(from_user_id="ES.42"),
            contacts=[
                {"wa_id": "34600999999", "profile": {"name": "Somebody else"}},
                {"wa_id": "34600111222", "user_id": "ES.42", "profile": {"name": "Ana"}},
            ],
        )
    )
    assert received.phone_number_id == "1001"
    assert received.sender.wa_id == "34600111222"
    assert received.sender.user_id == "ES.42"
    assert received.sender.profile_name == "Ana"
    assert received.message.text == "hello"
    assert received.message.reply == "answer"
    assert received.message.sent_at == datetime.fromtimestamp(1772366400, UTC)


def test_a_batch_of_several_people_is_never_all_from_the_first_contact() -> None:
    updates = read(
        delivery(
            text(id="wamid.1"),
            text(id="wamid.2", **{"from": "34600333444"}),
            contacts=[{"wa_id": "34600111222"}, {"wa_id": "34600333444"}],
        )
    )
    senders = [update.sender.wa_id for update in updates if isinstance(update, MessageReceived)]
    assert senders == ["34600111222", "34600333444"]


def test_a_person_without_a_number_is_known_by_user_id() -> None:
    message = text(from_user_id="US.7")
    del message["from"]
    sender = only_message(delivery(message, contacts=[{"user_id": "US.7"}])).sender
    assert (sender.wa_id, sender.user_id) == (None, "US.7")


def test_a_business_scoped_id_in_from_is_no_phone_number() -> None:
    sender = only_message(delivery(text(**{"from": "US.777"}))).sender
    assert (sender.wa_id, sender.user_id) == (None, "US.777")


def test_what_no_storage_takes_is_taken_out_of_a_text() -> None:
    body = delivery(text("a\x00b\ud800c"))
    assert only_message(body).message.text == "ab?c"


@pytest.mark.parametrize("timestamp", [None, "soon", "-5", "99999999999999999999", {}, 4102444800])
def test_a_time_that_cannot_be_is_the_time_of_arrival(timestamp: object) -> None:
    assert only_message(delivery(text(timestamp=timestamp))).message.sent_at == NOW


def test_one_update_that_is_unusable_does_not_touch_its_neighbours() -> None:
    nameless, anonymous = text(), text()
    del nameless["id"]
    del anonymous["from"]
    updates = read(delivery(nameless, text(), "not even an object", anonymous))  # type: ignore[arg-type]
    assert [type(update) for update in updates] == [Unusable, MessageReceived, Unusable, Unusable]


def test_a_status_carries_what_matches_it_to_its_message() -> None:
    (status,) = read(
        delivery(
            statuses=[
                {
                    "id": "wamid.9",
                    "status": "failed",
                    "timestamp": "1772366400",
                    "biz_opaque_callback_data": "conv_a.msg_b",
                    "errors": [{"code": 131047, "title": "t", "error_data": {"details": "why"}}],
                }
            ]
        )
    )
    assert isinstance(status, StatusReceived)
    assert (status.callback_data, status.error_code, status.error_detail) == (
        "conv_a.msg_b",
        131047,
        "why",
    )


def test_groups_and_other_fields_are_noted() -> None:
    (group,) = read(delivery(text(group_id="g")))
    assert isinstance(group, Noted)
    other = {"field": "account_update", "value": {"event": "DISABLED_UPDATE"}}
    body = {"object": "whatsapp_business_account", "entry": [{"changes": [other]}]}
    assert read(json.dumps(body).encode()) == [
        Noted(field="account_update", kind="DISABLED_UPDATE", alarming=True)
    ]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b'"text"', b"[" * 100_000])
def test_a_body_that_is_no_json_object_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedDelivery):
        read(body)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda children: st.lists(children, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["id", "from", "type", "text", "body", "image", "interactive", "contacts", "errors",
             "name", "timestamp", "status", "metadata", "phone_number_id", "context", "order"]
        ),
        children,
        max_size=5,
    ),
    max_leaves=20,
)  # fmt: skip


@given(messages=JSON_VALUES, statuses=JSON_VALUES, contacts=JSON_VALUES, metadata=JSON_VALUES)
def test_no_shape_of_json_brings_the_reader_down(
    messages: object, statuses: object, contacts: object, metadata: object
) -> None:
    body = delivery(messages=messages, statuses=statuses, contacts=contacts, metadata=metadata)
    for update in read(body):
        update.model_dump_json().encode()


@pytest.mark.skipif(not FIXTURES, reason="the shared WhatsApp fixtures are not beside the checkout")
@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_recorded_deliveries_are_all_understood(path: Path) -> None:
    updates = read(path.read_bytes())
    assert updates
    assert not [update for update in updates if isinstance(update, Unusable)]


def test_a_message_from_the_near_future_keeps_its_time() -> None:
    ahead = NOW + timedelta(minutes=2)
    received = only_message(delivery(text(timestamp=str(int(ahead.timestamp())))))
    assert received.message.sent_at == ahead
