"""Deliveries of Meta's, well-formed and otherwise."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.webhook.delivery import MAX_UPDATES, MalformedDelivery, read_delivery
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
from tests.fuzz import corpus

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


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


def read_change(field: str, **value: Any) -> list[Update]:
    change = corpus.change(field, value)
    return read(json.dumps(corpus.delivery(change)).encode())


def read_kind(name: str) -> list[Update]:
    return read(json.dumps(corpus.deliveries()[name]).encode())


def test_an_echo_is_to_the_person_whom_the_business_wrote_to() -> None:
    (echo,) = read_kind("echo")
    assert isinstance(echo, EchoReceived)
    assert (echo.recipient.wa_id, echo.recipient.user_id) == (corpus.NUMBER, corpus.USER)
    assert (echo.recipient.profile_name, echo.echo.text) == ("Ana", "We do, from ten on.")


def test_an_echo_that_names_the_business_as_recipient_is_to_the_other_side() -> None:
    edit = {"id": "w", "type": "edit", "from": corpus.NUMBER, "to": f"+{corpus.BUSINESS}"}
    (echo,) = read_change("smb_message_echoes", message_echoes=[edit])
    assert isinstance(echo, EchoReceived)
    assert echo.recipient.wa_id == corpus.NUMBER


def test_preferences_tell_who_wants_what_since_when() -> None:
    stop, resume = read_kind("preferences")
    assert isinstance(stop, PreferenceReceived)
    assert isinstance(resume, PreferenceReceived)
    assert (stop.stopped, resume.stopped) == (True, False)
    assert stop.person.identifiers == (corpus.USER, corpus.NUMBER)
    assert stop.at == datetime.fromtimestamp(corpus.SENT_AT, UTC)


@pytest.mark.parametrize("change", [{"category": "utility"}, {"value": "maybe"}, {"value": []}])
def test_a_preference_that_is_none_of_ours_is_noted(change: dict[str, Any]) -> None:
    preference = {"wa_id": "1", "category": "marketing_messages", "value": "stop", **change}
    (noted,) = read_change("user_preferences", user_preferences=[preference])
    assert isinstance(noted, Noted)


def test_a_changed_number_comes_before_the_message_that_tells_of_it() -> None:
    changed, message = read_kind("number_changed")
    assert isinstance(changed, IdentityChanged)
    assert isinstance(message, MessageReceived)
    assert changed.previous.identifiers == (corpus.USER, corpus.NUMBER)
    assert changed.current.identifiers == (corpus.NEW_USER, corpus.NEW_NUMBER)
    assert changed.at == message.message.sent_at


def test_a_message_that_is_from_the_new_user_id_already_tells_of_the_number() -> None:
    system = corpus.message("number_changed", from_user_id=corpus.NEW_USER)
    changed, _ = read_change("messages", messages=[system], contacts=[])
    assert isinstance(changed, IdentityChanged)
    assert changed.previous.identifiers == (corpus.NUMBER,)


def test_a_changed_user_id_keeps_the_number() -> None:
    (changed,) = read_kind("user_id_update")
    assert isinstance(changed, IdentityChanged)
    assert changed.previous.identifiers == (corpus.USER, corpus.NUMBER)
    assert changed.current.identifiers == (corpus.NEW_USER, corpus.NUMBER)
    assert changed.current.parent_user_id == "ES.ENT.2"


def test_a_new_security_code_changes_nobody() -> None:
    (message,) = read_kind("identity_changed")
    assert isinstance(message, MessageReceived)


def test_a_person_without_a_number_is_known_by_the_one_they_give() -> None:
    message = corpus.message("own_contact")
    del message["from"]
    (received,) = read_change("messages", messages=[message], contacts=[])
    assert isinstance(received, MessageReceived)
    assert received.sender.identifiers == (corpus.USER, corpus.NUMBER)


def test_anybody_elses_contact_is_no_number_of_the_sender() -> None:
    message = corpus.message("contacts")
    del message["from"]
    (received,) = read_change("messages", messages=[message], contacts=[])
    assert isinstance(received, MessageReceived)
    assert received.sender.wa_id is None


@pytest.mark.parametrize(
    ("name", "noted"),
    [
        ("calls", Noted(field="calls", kind="user_connect")),
        ("link_click", Noted(field="messages", kind="user_actions")),
        ("status_group", Noted(field="statuses", kind="group")),
        ("status_call", Noted(field="messages", kind="call")),
        (
            "account_restriction",
            Noted(
                field="account_update",
                kind="ACCOUNT_RESTRICTION",
                subject_id="200300400",
                alarming=True,
            ),
        ),
        (
            "template_rejected",
            Noted(
                field="message_template_status_update",
                kind="REJECTED",
                subject_id="1689556908129835",
                alarming=True,
            ),
        ),
        (
            "quality",
            Noted(
                field="phone_number_quality_update",
                kind="FLAGGED",
                subject_id="200300400",
                alarming=True,
            ),
        ),
        (
            "group_created",
            Noted(field="group_lifecycle_update", kind="groups", subject_id="200300400"),
        ),
    ],
)
def test_what_asks_nothing_of_a_conversation_is_noted(name: str, noted: Noted) -> None:
    assert read_kind(name) == [noted]


def test_errors_without_messages_are_alarming() -> None:
    assert read_change("messages", errors=[{"code": 131031}]) == [
        Noted(field="messages", kind="errors", subject_id="code 131031", alarming=True)
    ]


def test_a_template_that_was_approved_alarms_nobody() -> None:
    (noted,) = read_change("message_template_status_update", event="APPROVED")
    assert isinstance(noted, Noted)
    assert not noted.alarming


def test_words_in_place_of_an_event_are_not_repeated() -> None:
    (noted,) = read_change("account_update", event="call me at +34 600 111 222")
    assert noted == Noted(
        field="account_update", kind="event", subject_id="200300400", alarming=True
    )


def test_a_number_with_thousands_of_digits_costs_only_its_own_field() -> None:
    body = delivery(text()).replace(b'"1772366400"', b"9" * 6_000)
    assert only_message(body).message.sent_at == NOW


def test_more_updates_than_meta_ever_sends_are_put_aside_together() -> None:
    body = {"object": "whatsapp_business_account", "entry": [{}] * (MAX_UPDATES + 500)}
    updates = read(json.dumps(body).encode())
    assert len(updates) == MAX_UPDATES + 1
    assert isinstance(updates[-1], Unusable)


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


def test_a_message_from_the_near_future_keeps_its_time() -> None:
    ahead = NOW + timedelta(minutes=2)
    received = only_message(delivery(text(timestamp=str(int(ahead.timestamp())))))
    assert received.message.sent_at == ahead
