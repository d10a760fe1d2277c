"""What may go out is taken by Meta's emulation; what breaks a limit is refused by field."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.message_length import message_length
from contracts.outbound import OUTBOUND_CONTENT, OutboundContent
from domain.outbound import graph_message, message_type_of, words_of
from local.simulator.outgoing import parse_send
from tests.domain.outbound_contents import contents

Json = dict[str, Any]


def content_of(described: Json) -> OutboundContent:
    return OUTBOUND_CONTENT.validate_python(described)


def request_of(content: OutboundContent, **more: Any) -> Json:
    addressed = {"wa_id": "46701234567", "user_id": None, "callback": "conv.msg"} | more
    return graph_message(content, **addressed)


@given(contents())
@settings(max_examples=600, deadline=None)
def test_every_content_is_a_message_that_meta_takes(described: Json) -> None:
    content = content_of(described)

    request = parse_send(request_of(content))

    assert request.type == message_type_of(content)
    assert request.address == "46701234567"
    assert request.biz_opaque_callback_data == "conv.msg"


@given(contents())
@settings(max_examples=200, deadline=None)
def test_a_content_is_the_same_after_it_was_stored(described: Json) -> None:
    content = content_of(described)

    assert OUTBOUND_CONTENT.validate_json(content.model_dump_json()) == content


@given(contents())
@settings(max_examples=200, deadline=None)
def test_a_content_has_words_and_shows_what_can_be_chosen(described: Json) -> None:
    words = words_of(content_of(described))

    assert words.strip()
    chosen = [option["title"] for option in described.get("options", [])]
    chosen += [row["title"] for part in described.get("sections", []) for row in part["rows"]]
    assert all(f"[choice: {title}" in words for title in chosen)


SOURCE = {"link": "https://files.example/a"}
OPTION = {"id": "choice:1", "title": "Yes"}
ROW = {"id": "choice:1", "title": "Yes"}
BUTTONS = {"type": "buttons", "body": "Which?", "options": [OPTION]}
LIST = {"type": "list", "body": "Which?", "button": "Show", "sections": [{"rows": [ROW]}]}
LINK = {"type": "link_button", "body": "Pay here", "title": "Pay", "url": "https://pay.example"}
PLACE = {"type": "location", "latitude": 59.3, "longitude": 18.1}
REACTION = {"type": "reaction", "whatsapp_message_id": "wamid.1", "emoji": "👍"}
TEMPLATE = {"type": "template", "name": "order_ready", "language": "en"}
IMAGE = {"type": "image", **SOURCE}
DOCUMENT = {"type": "document", **SOURCE}

LIMITS: list[tuple[Json, str, int]] = [
    ({"type": "text", "body": "{}"}, "body", 4096),
    (IMAGE | {"caption": "{}"}, "caption", 1024),
    ({"type": "video", **SOURCE, "caption": "{}"}, "caption", 1024),
    (DOCUMENT | {"caption": "{}"}, "caption", 1024),
    (DOCUMENT | {"filename": "{}"}, "filename", 240),
    (BUTTONS | {"body": "{}"}, "body", 1024),
    (BUTTONS | {"header": "{}"}, "header", 60),
    (BUTTONS | {"footer": "{}"}, "footer", 60),
    (BUTTONS | {"options": [OPTION | {"id": "{}"}]}, "id", 256),
    (BUTTONS | {"options": [OPTION | {"title": "{}"}]}, "title", 20),
    (LIST | {"body": "{}"}, "body", 4096),
    (LIST | {"header": "{}"}, "header", 60),
    (LIST | {"footer": "{}"}, "footer", 60),
    (LIST | {"button": "{}"}, "button", 20),
    (LIST | {"sections": [{"title": "{}", "rows": [ROW]}]}, "title", 24),
    (LIST | {"sections": [{"rows": [ROW | {"id": "{}"}]}]}, "id", 200),
    (LIST | {"sections": [{"rows": [ROW | {"title": "{}"}]}]}, "title", 24),
    (LIST | {"sections": [{"rows": [ROW | {"description": "{}"}]}]}, "description", 72),
    (LINK | {"body": "{}"}, "body", 1024),
    (LINK | {"header": "{}"}, "header", 60),
    (LINK | {"footer": "{}"}, "footer", 60),
    (LINK | {"title": "{}"}, "title", 20),
    ({"type": "location_request", "body": "{}"}, "body", 1024),
    (PLACE | {"name": "{}"}, "name", 1000),
    (PLACE | {"address": "{}"}, "address", 1000),
    (TEMPLATE | {"body": [{"type": "text", "text": "{}"}]}, "text", 1024),
    (TEMPLATE | {"header": {"type": "text", "text": "{}"}}, "text", 1024),
    (TEMPLATE | {"buttons": [{"type": "url", "index": 0, "text": "{}"}]}, "text", 2000),
    (
        TEMPLATE | {"buttons": [{"type": "quick_reply", "index": 0, "payload": "{}"}]},
        "payload",
        128,
    ),
]
"""A content with `{}` where the text goes, the field, and how long the text may be."""


def filled(described: Any, text: str) -> Any:
    match described:
        case dict():
            return {name: filled(value, text) for name, value in described.items()}
        case list():
            return [filled(value, text) for value in described]
        case "{}":
            return text
        case _:
            return described


@pytest.mark.parametrize(("described", "field", "limit"), LIMITS)
def test_a_text_as_long_as_it_may_be_is_taken(described: Json, field: str, limit: int) -> None:
    for text in ("x" * limit, "🙂" * (limit // 2)):
        content = content_of(filled(described, text))
        assert parse_send(request_of(content)).type == message_type_of(content), field


@pytest.mark.parametrize(("described", "field", "limit"), LIMITS)
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_a_text_beyond_its_limit_is_refused_with_field_and_limit(
    described: Json, field: str, limit: int, data: st.DataObject
) -> None:
    filler = data.draw(st.sampled_from("xé中🙂"))
    text = filler * (limit // message_length(filler)) + "y" * data.draw(st.integers(1, 50))

    with pytest.raises(ValidationError) as refused:
        content_of(filled(described, text))

    (error,) = refused.value.errors()
    assert error["loc"][-1] == field
    assert str(limit) in error["msg"]


@pytest.mark.parametrize(("described", "field", "_limit"), LIMITS)
@pytest.mark.parametrize("text", ["", " \n", "a\x00b"])
def test_a_text_that_shows_nothing_is_refused(
    described: Json, field: str, _limit: int, text: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        content_of(filled(described, text))
    assert refused.value.errors()[0]["loc"][-1] == field


def rows(count: int) -> list[Json]:
    return [{"id": f"choice:{number}", "title": f"{number}"} for number in range(count)]


@pytest.mark.parametrize(
    ("described", "named"),
    [
        (BUTTONS | {"options": []}, "options"),
        (BUTTONS | {"options": [{"id": f"{n}", "title": f"{n}"} for n in range(4)]}, "options"),
        (BUTTONS | {"options": [OPTION, OPTION | {"id": "choice:2"}]}, "titles must differ"),
        (BUTTONS | {"options": [OPTION, OPTION | {"title": "No"}]}, "ids must differ"),
        (BUTTONS | {"header": "two\nlines"}, "header"),
        (LIST | {"sections": []}, "sections"),
        (LIST | {"sections": [{"rows": []}]}, "rows"),
        (LIST | {"sections": [{"rows": rows(11)}]}, "rows"),
        (
            LIST
            | {
                "sections": [
                    {"title": "A", "rows": rows(6)},
                    {"title": "B", "rows": [row | {"id": row["id"] + "b"} for row in rows(5)]},
                ]
            },
            "at most 10 rows together; they have 11",
        ),
        (LIST | {"sections": [{"rows": rows(1)}, {"rows": rows(1)}]}, "needs a title"),
        (LIST | {"sections": [{"rows": [*rows(1), *rows(1)]}]}, "ids of rows must differ"),
        (LINK | {"url": "ftp://pay.example"}, "url"),
        (LINK | {"url": "https://user:secret@pay.example"}, "url"),
        (LINK | {"url": "https://"}, "url"),
        (LINK | {"url": "https://[pay"}, "url"),
        (LINK | {"url": "https://pay.example/a b"}, "url"),
        (LINK | {"url": "https://pay.example/" + "x" * 2000}, "url"),
        (IMAGE | {"link": "http://files.example/a"}, "link"),
        (IMAGE | {"link": "https://files.example/" + "x" * 2048}, "link"),
        (IMAGE | {"media_id": "17"}, "exactly one of link and media_id"),
        ({"type": "image"}, "exactly one of link and media_id"),
        ({"type": "image", "media_id": "1/2"}, "media_id"),
        ({"type": "audio", **SOURCE, "caption": "Listen"}, "caption"),
        ({"type": "sticker", **SOURCE, "caption": "Look"}, "caption"),
        (IMAGE | {"filename": "a.jpg"}, "filename"),
        (IMAGE | {"voice": True}, "voice"),
        (PLACE | {"latitude": 90.1}, "latitude"),
        (PLACE | {"longitude": float("nan")}, "longitude"),
        (REACTION | {"emoji": "yes"}, "emoji"),
        (REACTION | {"emoji": "👍" * 17}, "emoji"),
        (REACTION | {"whatsapp_message_id": ""}, "whatsapp_message_id"),
        (TEMPLATE | {"name": "Order Ready"}, "name"),
        (TEMPLATE | {"language": "english"}, "language"),
        (TEMPLATE | {"body": [{"type": "text", "text": "two\nlines"}]}, "text"),
        (TEMPLATE | {"body": [{"type": "text", "text": "a\tb"}]}, "text"),
        (TEMPLATE | {"body": [{"type": "text", "text": "a     b"}]}, "text"),
        (TEMPLATE | {"body": [{"type": "image", **SOURCE}]}, "body"),
        (
            TEMPLATE
            | {"body": [{"type": "text", "text": "a"}, {"type": "text", "text": "b", "name": "c"}]},
            "body",
        ),
        (TEMPLATE | {"header": {"type": "image"}}, "exactly one of link and media_id"),
        (TEMPLATE | {"header": {"type": "image", **SOURCE, "filename": "a"}}, "filename"),
        (
            TEMPLATE | {"buttons": [{"type": "url", "index": 1, "text": n} for n in "ab"]},
            "indexes must differ",
        ),
        (TEMPLATE | {"buttons": [{"type": "url", "index": 10, "text": "a"}]}, "index"),
        ({"type": "poll"}, "type"),
    ],
)
def test_what_meta_would_refuse_is_refused_with_the_field(described: Json, named: str) -> None:
    with pytest.raises(ValidationError) as refused:
        content_of(described)

    (error,) = refused.value.errors()
    assert named in ".".join(map(str, error["loc"])) + error["msg"]


def test_a_template_is_sent_with_all_of_its_parameters() -> None:
    template = content_of(
        TEMPLATE
        | {
            "header": {"type": "document", "media_id": "17", "filename": "invoice.pdf"},
            "body": [
                {"type": "text", "text": "Ana", "name": "first_name"},
                {
                    "type": "currency",
                    "fallback": "$42",
                    "code": "USD",
                    "amount_1000": 42000,
                    "name": "sum",
                },
                {"type": "date_time", "fallback": "1 May", "name": "day"},
            ],
            "buttons": [
                {"type": "url", "index": 0, "text": "orders/17"},
                {"type": "quick_reply", "index": 1, "payload": "later"},
            ],
        }
    )

    assert request_of(template)["template"] == {
        "name": "order_ready",
        "language": {"code": "en"},
        "components": [
            {
                "type": "header",
                "parameters": [
                    {"type": "document", "document": {"id": "17", "filename": "invoice.pdf"}}
                ],
            },
            {
                "type": "body",
                "parameters": [
                    {"type": "text", "text": "Ana", "parameter_name": "first_name"},
                    {
                        "type": "currency",
                        "currency": {
                            "fallback_value": "$42",
                            "code": "USD",
                            "amount_1000": 42000,
                        },
                        "parameter_name": "sum",
                    },
                    {
                        "type": "date_time",
                        "date_time": {"fallback_value": "1 May"},
                        "parameter_name": "day",
                    },
                ],
            },
            {
                "type": "button",
                "sub_type": "url",
                "index": "0",
                "parameters": [{"type": "text", "text": "orders/17"}],
            },
            {
                "type": "button",
                "sub_type": "quick_reply",
                "index": "1",
                "parameters": [{"type": "payload", "payload": "later"}],
            },
        ],
    }
    assert words_of(template) == "[template: order_ready (invoice.pdf, Ana, $42, 1 May)]"


@pytest.mark.parametrize(
    ("described", "words"),
    [
        (BUTTONS | {"header": "Size", "footer": "or ask"}, "Size\nWhich?\nor ask\n[choice: Yes]"),
        (
            LIST | {"sections": [{"rows": [ROW | {"description": "please"}]}]},
            "Which?\n[choice: Yes: please]",
        ),
        (LINK, "Pay here\n[link: Pay https://pay.example]"),
        ({"type": "location_request", "body": "Where?"}, "Where?\n[asked for the location]"),
        (PLACE | {"name": "Shop"}, "[location: Shop; 59.300000, 18.100000]"),
        (IMAGE | {"caption": "New"}, "[image] New"),
        ({"type": "audio", **SOURCE, "voice": True}, "[voice note]"),
        (DOCUMENT | {"filename": "a.pdf"}, "[document: a.pdf]"),
        (REACTION, "[reaction: 👍]"),
        (REACTION | {"emoji": ""}, "[reaction removed]"),
        (TEMPLATE, "[template: order_ready]"),
    ],
)
def test_the_transcript_says_what_went_out(described: Json, words: str) -> None:
    assert words_of(content_of(described)) == words


def test_a_message_may_quote_another_unless_it_is_a_reaction() -> None:
    quoting = request_of(content_of(BUTTONS), reply_to="wamid.1")

    assert quoting["context"] == {"message_id": "wamid.1"}
    with pytest.raises(ValueError, match="reaction"):
        request_of(content_of(REACTION), reply_to="wamid.1")


def test_a_person_without_a_number_is_written_to_by_their_user_id() -> None:
    by_id = request_of(content_of(BUTTONS), wa_id=None, user_id="US.13491208655302741918")

    assert by_id["recipient"] == "US.13491208655302741918"
    assert "to" not in by_id
    with pytest.raises(ValueError, match="cannot be written to"):
        request_of(content_of(BUTTONS), wa_id=None, user_id=None)
