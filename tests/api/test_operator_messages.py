"""An operator's message: what the API takes, and how precisely it says what it does not take."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import given, settings

from api import problems
from api.examples import example_of
from api.schemas import operator_messages
from api.schemas.operator_messages import OperatorMessageCreate, content_of
from contracts.outbound import OUTBOUND_CONTENT, ReactionContent, TextContent
from tests.domain.outbound_contents import buttons, link_buttons, lists, media, templates

Json = dict[str, Any]


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    """An application that answers with the content that it was asked to send."""
    app = FastAPI()

    @app.post("/messages")
    async def send(body: OperatorMessageCreate) -> Json:
        return content_of(body, reacted_to="wamid.1").model_dump(mode="json")

    problems.install(app, routes=app.routes)
    with TestClient(app) as client:
        yield client


def errors(client: TestClient, body: Any) -> list[tuple[str, str]]:
    response = client.post("/messages", json=body)
    assert response.status_code == 422, response.text
    return [(one["field"], one["detail"]) for one in response.json()["errors"]]


@given(media())
@settings(max_examples=50, deadline=None)
def test_every_file_may_be_sent(described: Json) -> None:
    body = OperatorMessageCreate.model_validate({"media": described})

    assert content_of(body) == OUTBOUND_CONTENT.validate_python(described)


@given(buttons() | lists() | link_buttons())
@settings(max_examples=100, deadline=None)
def test_every_interactive_message_may_be_sent(described: Json) -> None:
    body = OperatorMessageCreate.model_validate({"interactive": described})

    assert content_of(body) == OUTBOUND_CONTENT.validate_python(described)


@given(templates())
@settings(max_examples=50, deadline=None)
def test_every_template_may_be_sent(described: Json) -> None:
    described = {name: value for name, value in described.items() if name != "type"}
    body = OperatorMessageCreate.model_validate({"template": described})

    content = content_of(body)

    assert content == OUTBOUND_CONTENT.validate_python({"type": "template", **described})


def test_a_text_may_be_sent_as_a_quotation_and_a_reaction_by_our_id(client: TestClient) -> None:
    text = OperatorMessageCreate(text="Hello", reply_to="msg_1", preview_url=True)
    reaction = OperatorMessageCreate.model_validate(
        {"reaction": {"message_id": "msg_1", "emoji": "👍"}}
    )

    assert content_of(text) == TextContent(body="Hello", preview_url=True)
    assert content_of(reaction, reacted_to="wamid.1") == ReactionContent(
        whatsapp_message_id="wamid.1", emoji="👍"
    )
    with pytest.raises(ValueError, match="WhatsApp knows"):
        content_of(reaction)
    assert client.post("/messages", json={"text": "Hello"}).json()["body"] == "Hello"


FILE = {"type": "image", "link": "https://files.example/a.jpg"}
OPTION = {"id": "1", "title": "Yes"}
BUTTONS = {"type": "buttons", "body": "Which?", "options": [OPTION]}


@pytest.mark.parametrize(
    ("body", "field", "detail"),
    [
        ({}, "", "exactly one of these is needed: text, media, interactive, template, reaction"),
        ({"text": "Hi", "media": FILE}, "", "exactly one of these"),
        ({"text": None}, "", "exactly one of these"),
        ({"text": ""}, "text", "blank"),
        ({"text": "x" * 4097}, "text", "at most 4096 characters"),
        ({"text": 7}, "text", "string"),
        ({"text": "Hi", "colour": "red"}, "colour", "not permitted"),
        ({"text": "Hi", "reply_to": "a b"}, "reply_to", "pattern"),
        ({"media": FILE, "preview_url": True}, "", "preview_url: only a text has one"),
        ({"media": {"type": "image"}}, "media", "exactly one of link and media_id"),
        ({"media": FILE | {"size": 7}}, "media.size", "not permitted"),
        ({"media": FILE | {"link": "http://files.example"}}, "media.link", "https"),
        ({"media": FILE | {"caption": "x" * 1025}}, "media.caption", "at most 1024"),
        (
            {"interactive": BUTTONS | {"options": []}},
            "interactive.buttons.options",
            "at least 1 item",
        ),
        (
            {"interactive": BUTTONS | {"options": [OPTION] * 4}},
            "interactive.buttons.options",
            "at most 3 items",
        ),
        (
            {"interactive": BUTTONS | {"options": [OPTION, OPTION | {"id": "2"}]}},
            "interactive.buttons",
            "options: titles must differ",
        ),
        (
            {"interactive": BUTTONS | {"options": [OPTION | {"title": "x" * 21}]}},
            "interactive.buttons.options.0.title",
            "at most 20 characters",
        ),
        (
            {"interactive": BUTTONS | {"options": [OPTION | {"emoji": "x"}]}},
            "interactive.buttons.options.0.emoji",
            "not permitted",
        ),
        ({"interactive": {"type": "poll"}}, "interactive", "buttons"),
        ({"template": {"name": "Order Ready", "language": "en"}}, "template.name", "pattern"),
        (
            {
                "template": {
                    "name": "a",
                    "language": "en",
                    "body": [{"type": "text", "text": "two\nlines"}],
                }
            },
            "template.body.0.text.text",
            "one line",
        ),
        (
            {
                "template": {
                    "name": "a",
                    "language": "en",
                    "buttons": [{"type": "url", "index": "0", "text": "a"}],
                }
            },
            "template.buttons.0.url.index",
            "integer",
        ),
        ({"reaction": {"message_id": "msg_1", "emoji": "yes"}}, "reaction.emoji", "one emoji"),
        (
            {"reaction": {"message_id": "msg_1", "emoji": "👍"}, "reply_to": "msg_2"},
            "",
            "reply_to: a reaction cannot quote",
        ),
    ],
)
def test_what_cannot_be_sent_is_refused_by_field(
    client: TestClient, body: Json, field: str, detail: str
) -> None:
    ((named, said),) = errors(client, body)

    assert named == field
    assert detail in said


def test_the_examples_of_the_document_can_be_sent(client: TestClient) -> None:
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    models = {name: getattr(operator_messages, name, None) for name in schemas}
    bodies = {name: model for name, model in models.items() if model is not None}

    assert {"OperatorMessageCreate", "MediaInput", "ListInput", "TemplateInput"} <= set(bodies)
    for name, model in bodies.items():
        model.model_validate(example_of(name, schemas))


def test_each_wrong_field_is_named(client: TestClient) -> None:
    options = [{"id": "1", "title": ""}, {"id": "", "title": "Yes"}]
    body = {"interactive": {"type": "buttons", "body": "x" * 1025, "options": options}}

    assert [field for field, _ in errors(client, body)] == [
        "interactive.buttons.body",
        "interactive.buttons.options.0.title",
        "interactive.buttons.options.1.id",
    ]
