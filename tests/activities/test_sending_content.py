"""Every kind of content goes out through the outbox as the person's phone then shows it."""

from typing import Any

import pytest

from adapters.dynamodb.conversations import Conversations
from adapters.dynamodb.outbox import Draft, DraftPart
from contracts.conversation import Operator, SentPart
from contracts.ids import MessageId
from contracts.outbound import OUTBOUND_CONTENT
from tests.activities.sending_desk import Desk, desk, stage, tools

__all__ = ["desk", "stage", "tools"]

FILE = {"link": "https://files.example/menu"}


async def drafted(desk: Desk, content: dict[str, Any], **more: Any) -> DraftPart:
    part = DraftPart.of(OUTBOUND_CONTENT.validate_python(content), **more)
    desk.draft_id = await desk.outbox.save_draft(desk.turn, Draft(parts=(part,)))
    return part


async def shown(desk: Desk) -> dict[str, Any]:
    """The newest message of the business on the person's phone."""
    outbound = [one for one in await desk.chat() if one["direction"] == "outbound"]
    return outbound[-1]


@pytest.mark.parametrize(
    ("content", "on_the_phone"),
    [
        (
            {"type": "text", "body": "See https://shop.example", "preview_url": True},
            {"body": "See https://shop.example", "preview_url": True},
        ),
        ({"type": "image", **FILE, "caption": "New"}, {**FILE, "caption": "New"}),
        ({"type": "video", **FILE}, FILE),
        ({"type": "audio", **FILE, "voice": True}, {**FILE, "voice": True}),
        ({"type": "document", **FILE, "filename": "a.pdf"}, {**FILE, "filename": "a.pdf"}),
        ({"type": "sticker", **FILE}, FILE),
        (
            {
                "type": "buttons",
                "header": "Size",
                "body": "Which?",
                "footer": "or ask",
                "options": [{"id": "choice:1", "title": "Small"}],
            },
            {
                "type": "button",
                "header": {"type": "text", "text": "Size"},
                "body": {"text": "Which?"},
                "footer": {"text": "or ask"},
                "action": {
                    "buttons": [{"type": "reply", "reply": {"id": "choice:1", "title": "Small"}}]
                },
            },
        ),
        (
            {
                "type": "list",
                "body": "Which?",
                "button": "Sizes",
                "sections": [{"rows": [{"id": "1", "title": "Small", "description": "6"}]}],
            },
            {
                "type": "list",
                "body": {"text": "Which?"},
                "action": {
                    "button": "Sizes",
                    "sections": [{"rows": [{"id": "1", "title": "Small", "description": "6"}]}],
                },
            },
        ),
        (
            {
                "type": "link_button",
                "body": "Pay here",
                "title": "Pay",
                "url": "https://pay.example",
            },
            {
                "type": "cta_url",
                "body": {"text": "Pay here"},
                "action": {
                    "name": "cta_url",
                    "parameters": {"display_text": "Pay", "url": "https://pay.example"},
                },
            },
        ),
        (
            {"type": "location_request", "body": "Where are you?"},
            {
                "type": "location_request_message",
                "body": {"text": "Where are you?"},
                "action": {"name": "send_location"},
            },
        ),
        (
            {"type": "location", "latitude": 59.3, "longitude": 18.1, "name": "Shop"},
            {"latitude": 59.3, "longitude": 18.1, "name": "Shop"},
        ),
        (
            {
                "type": "template",
                "name": "appointment_reminder",
                "language": "es",
                "body": [{"type": "text", "text": text} for text in ("Ana", "lunes", "10:30")],
            },
            {
                "name": "appointment_reminder",
                "language": {"code": "es"},
                "components": [
                    {
                        "type": "body",
                        "parameters": [
                            {"type": "text", "text": text} for text in ("Ana", "lunes", "10:30")
                        ],
                    }
                ],
            },
        ),
    ],
)
async def test_a_content_reaches_the_phone(
    desk: Desk, content: dict[str, Any], on_the_phone: dict[str, Any]
) -> None:
    part = await drafted(desk, content)

    assert await desk.send("msg_1") == SentPart(outcome="sent")

    assert (await shown(desk))["content"] == on_the_phone
    (message,) = await Conversations(desk.table).recent(desk.ref, limit=5)
    assert (message.text, message.content) == (part.text, part.content)


async def test_a_message_quotes_another(desk: Desk) -> None:
    wamid = await desk.stage.write(desk.person, "When do you open?")
    await drafted(desk, {"type": "text", "body": "At nine."}, reply_to=wamid)

    await desk.send("msg_1")

    assert (await shown(desk))["context"]["message_id"] == wamid
    (message,) = await Conversations(desk.table).recent(desk.ref, limit=5)
    assert (message.type, message.in_reply_to) == ("text", wamid)


async def test_a_reaction_stands_under_its_message(desk: Desk) -> None:
    wamid = await desk.stage.write(desk.person, "Thank you!")
    await drafted(desk, {"type": "reaction", "whatsapp_message_id": wamid, "emoji": "👍"})

    assert await desk.send("msg_1") == SentPart(outcome="sent")

    (message,) = await Conversations(desk.table).recent(desk.ref, limit=5)
    assert (message.type, message.text) == ("reaction", "[reaction: 👍]")


async def test_an_operators_message_is_sent_as_theirs_once(desk: Desk) -> None:
    ana = Operator(api_key_id="key_1", name="Ana")
    draft = Draft(parts=(DraftPart(text="Ana here."),), sender="operator", operator=ana)
    desk.draft_id = await desk.outbox.save_draft(desk.turn, draft)
    await desk.outbox.enqueue(desk.turn, message_id=MessageId("msg_1"), draft=draft)

    for _ in range(2):
        assert await desk.send("msg_1") == SentPart(outcome="sent")

    assert await desk.arrived() == ["Ana here."]
    (message,) = await Conversations(desk.table).recent(desk.ref, limit=5)
    assert (message.sender, message.operator, message.status) == ("operator", ana, "sent")
