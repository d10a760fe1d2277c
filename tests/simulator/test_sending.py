"""What a business may send, and what Graph answers."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.simulator.stage import PHONE_NUMBER_ID, WABA_ID, Stage, staged

FIXTURES = Path(__file__).parents[3] / "shared/whatsapp/fixtures/facebook__openapi/send_request"


async def test_a_text_is_accepted_and_shown(stage: Stage) -> None:
    person = await stage.acquainted()
    response = await stage.send(
        {"to": f"+{person['wa_id']}", "type": "text", "text": {"body": "¡Hola! 👋"}}
    )
    assert response.status_code == 200
    answer = response.json()
    assert answer["messaging_product"] == "whatsapp"
    assert answer["contacts"] == [{"input": f"+{person['wa_id']}", "wa_id": person["wa_id"]}]
    assert answer["messages"][0]["id"].startswith("wamid.")
    usage = json.loads(response.headers["x-business-use-case-usage"])
    assert usage[WABA_ID][0]["call_count"] >= 0
    shown = (await stage.chat(person))[-1]
    assert (shown["direction"], shown["content"]["body"]) == ("outbound", "¡Hola! 👋")


async def test_a_person_without_a_number_is_reached_by_user_id(stage: Stage) -> None:
    person = await stage.acquainted(wa_id=None)
    response = await stage.send({"recipient": person["user_id"], "text": {"body": "Hi"}})
    contact = response.json()["contacts"][0]
    assert contact == {"input": person["user_id"], "user_id": person["user_id"]}
    await stage.receiver.until(lambda: len(stage.receiver.statuses()) == 2)
    assert "recipient_id" not in stage.receiver.statuses()[0]
    assert stage.receiver.statuses()[0]["recipient_user_id"] == person["user_id"]
    assert "from" not in stage.receiver.messages()[0]
    assert stage.receiver.messages()[0]["from_user_id"] == person["user_id"]


@pytest.mark.parametrize(
    "authorization", [{"Authorization": "Bearer nobody's"}, {"Authorization": ""}]
)
async def test_a_wrong_token_is_refused(stage: Stage, authorization: dict[str, str]) -> None:
    response = await stage.graph(
        "POST", f"{PHONE_NUMBER_ID}/messages", json={}, headers=authorization
    )
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["type"]) == (401, 190, "OAuthException")
    assert error["fbtrace_id"]


async def test_a_number_of_somebody_else_does_not_exist(stage: Stage) -> None:
    await stage.put_number("999", access_token="another token", waba_id="998")
    for unknown in ("999", "123"):
        response = await stage.graph("POST", f"{unknown}/messages", json={})
        error = response.json()["error"]
        assert (response.status_code, error["code"], error["error_subcode"]) == (400, 100, 33)
        assert error["type"] == "GraphMethodException"
        assert error["message"].startswith("Unsupported post request.")


def button(title: str, identity: str = "a") -> dict[str, Any]:
    return {"type": "reply", "reply": {"id": identity, "title": title}}


def buttons(*choices: dict[str, Any], body: str = "Which?") -> dict[str, Any]:
    interactive = {"type": "button", "body": {"text": body}, "action": {"buttons": list(choices)}}
    return {"type": "interactive", "interactive": interactive}


def listing(*sections: dict[str, Any], **more: Any) -> dict[str, Any]:
    action = {"button": "Choose", "sections": list(sections)}
    interactive = {"type": "list", "body": {"text": "Which?"}, "action": action} | more
    return {"type": "interactive", "interactive": interactive}


def rows(count: int, start: int = 0) -> list[dict[str, str]]:
    return [{"id": str(number), "title": "Row"} for number in range(start, start + count)]


def link_button(**parameters: str) -> dict[str, Any]:
    action = {"name": "cta_url", "parameters": parameters}
    interactive = {"type": "cta_url", "body": {"text": "See"}, "action": action}
    return {"type": "interactive", "interactive": interactive}


LIMITS: list[tuple[str, dict[str, Any], int | None]] = [
    ("longest text", {"type": "text", "text": {"body": "x" * 4096}}, None),
    ("text too long", {"type": "text", "text": {"body": "x" * 4097}}, 100),
    ("empty text", {"type": "text", "text": {"body": ""}}, 131009),
    ("text without a body", {"type": "text", "text": {}}, 131008),
    ("text that is none", {"type": "text", "text": {"body": 7}}, 131009),
    ("type without its object", {"type": "image", "text": {"body": "x"}}, 100),
    ("unknown type", {"type": "hologram", "hologram": {}}, 100),
    ("type that is no text", {"type": ["text"], "text": {"body": "x"}}, 100),
    (
        "longest caption",
        {"type": "image", "image": {"link": "https://e.org/a.png", "caption": "x" * 1024}},
        None,
    ),
    (
        "caption too long",
        {"type": "image", "image": {"link": "https://e.org/a.png", "caption": "x" * 1025}},
        100,
    ),
    (
        "image with id and link",
        {"type": "image", "image": {"id": "1", "link": "https://e.org/a.png"}},
        131009,
    ),
    ("image without a source", {"type": "image", "image": {}}, 131009),
    ("link of another scheme", {"type": "video", "video": {"link": "file:///etc/passwd"}}, 131009),
    ("media nobody uploaded", {"type": "audio", "audio": {"id": "123"}}, 131009),
    (
        "voice note by link",
        {"type": "audio", "audio": {"link": "http://e.org/a.ogg", "voice": True}},
        None,
    ),
    ("three buttons", buttons(button("A", "1"), button("B", "2"), button("C", "3")), None),
    ("four buttons", buttons(*(button(str(n), str(n)) for n in range(4))), 131009),
    ("no button", buttons(), 131009),
    ("longest title", buttons(button("x" * 20)), None),
    ("title too long", buttons(button("x" * 21)), 131009),
    ("same titles", buttons(button("A", "1"), button("A", "2")), 131009),
    ("longest id", buttons(button("A", "x" * 256)), None),
    ("id too long", buttons(button("A", "x" * 257)), 131009),
    ("body too long for buttons", buttons(button("A"), body="x" * 1025), 131009),
    (
        "ten rows",
        listing({"title": "1", "rows": rows(5)}, {"title": "2", "rows": rows(5, 5)}),
        None,
    ),
    (
        "eleven rows",
        listing({"title": "1", "rows": rows(5)}, {"title": "2", "rows": rows(6, 5)}),
        131009,
    ),
    ("sections without titles", listing({"rows": rows(1)}, {"rows": rows(1, 1)}), 131009),
    ("row title too long", listing({"rows": [{"id": "1", "title": "x" * 25}]}), 131009),
    (
        "row description too long",
        listing({"rows": [{"id": "1", "title": "x", "description": "x" * 73}]}),
        131009,
    ),
    ("list body", listing({"rows": rows(1)}, body={"text": "x" * 4096}), None),
    ("list body too long", listing({"rows": rows(1)}, body={"text": "x" * 4097}), 131009),
    (
        "list with an image header",
        listing({"rows": rows(1)}, header={"type": "image", "image": {}}),
        131009,
    ),
    ("footer too long", listing({"rows": rows(1)}, footer={"text": "x" * 61}), 131009),
    ("link button", link_button(display_text="x" * 20, url="https://example.com"), None),
    ("link button text too long", link_button(display_text="x" * 21, url="https://e.org"), 131009),
    ("link button without a url", link_button(display_text="x"), 131009),
    (
        "interactive of an unknown kind",
        {"type": "interactive", "interactive": {"type": "poll"}},
        131009,
    ),
    (
        "template",
        {
            "type": "template",
            "template": {"name": "hello_world", "language": {"code": "en_US"}},
        },
        None,
    ),
    ("template without a language", {"type": "template", "template": {"name": "hi"}}, 131008),
    ("location", {"type": "location", "location": {"latitude": 1.5, "longitude": -7}}, None),
    (
        "location off the globe",
        {"type": "location", "location": {"latitude": 91, "longitude": 0}},
        131009,
    ),
    ("no contact", {"type": "contacts", "contacts": []}, 100),
    ("contact without a name", {"type": "contacts", "contacts": [{"phones": []}]}, 131008),
    ("callback data", {"text": {"body": "x"}, "biz_opaque_callback_data": "x" * 512}, None),
    ("callback data too long", {"text": {"body": "x"}, "biz_opaque_callback_data": "x" * 513}, 100),
    ("group", {"text": {"body": "x"}, "recipient_type": "group"}, 131009),
    (
        "reaction to nothing",
        {"type": "reaction", "reaction": {"message_id": "wamid.x", "emoji": "👍"}},
        131009,
    ),
]


@pytest.mark.parametrize(
    ("body", "code"), [case[1:] for case in LIMITS], ids=[c[0] for c in LIMITS]
)
async def test_metas_limits(shared_stage: Stage, body: dict[str, Any], code: int | None) -> None:
    stage = shared_stage
    person = await stage.acquainted()
    response = await stage.send({"to": f"+{person['wa_id']}"} | body)
    if code is None:
        assert response.status_code == 200, response.text
    else:
        assert response.status_code == 400, response.text
        assert response.json()["error"]["code"] == code, response.text
        assert len(await stage.chat(person)) == 1, "a refused message is not shown"


@pytest.mark.parametrize(
    "address", [{}, {"to": "abc"}, {"to": "12"}, {"to": 16505551234}, {"recipient": "16505551234"}]
)
async def test_an_address_is_needed(stage: Stage, address: dict[str, Any]) -> None:
    response = await stage.send(address | {"text": {"body": "x"}})
    assert response.status_code == 400
    assert response.json()["error"]["code"] in (100, 131009)


async def test_a_reaction_goes_to_a_message_and_is_no_reply(stage: Stage) -> None:
    person = await stage.person()
    written = await stage.write(person)
    reaction = {
        "to": person["wa_id"],
        "type": "reaction",
        "reaction": {"message_id": written, "emoji": "👍"},
    }
    response = await stage.send(reaction | {"context": {"message_id": written}})
    assert response.json()["error"]["code"] == 131009
    accepted = (await stage.send(reaction)).json()["messages"][0]["id"]
    await stage.receiver.until(lambda: bool(stage.receiver.statuses()))
    assert [status["id"] for status in stage.receiver.statuses()] == [accepted]
    assert stage.receiver.statuses()[0]["status"] == "sent"


async def test_a_business_cannot_write_to_itself(stage: Stage) -> None:
    response = await stage.send({"to": "+15550783881", "text": {"body": "me"}})
    assert response.json()["error"]["code"] == 131021


async def test_broken_json_is_an_error_of_the_request(stage: Stage) -> None:
    for body in (b"{", b"[]", b'{"to": "\\ud800"}', b"\xff\xfe", b'{"a": 1e999}', b"[" * 100_000):
        response = await stage.graph("POST", f"{PHONE_NUMBER_ID}/messages", content=body)
        assert (response.status_code, response.json()["error"]["code"]) == (400, 100)


async def test_a_read_receipt_marks_earlier_messages_too_and_shows_typing(stage: Stage) -> None:
    person = await stage.person()
    first, second = await stage.write(person, "one"), await stage.write(person, "two")
    third = await stage.write(person, "three")
    response = await stage.send(
        {"status": "read", "message_id": second, "typing_indicator": {"type": "text"}}
    )
    assert response.json() == {"success": True}
    assert [await stage.status_of(person, id_) for id_ in (first, second)] == ["read", "read"]
    assert await stage.status_of(person, third) != "read"
    chat = f"/simulator/conversations/{person['id']}/{PHONE_NUMBER_ID}"
    assert (await stage.http.get(chat)).json()["typing"] is True
    await stage.reply(person)
    assert (await stage.http.get(chat)).json()["typing"] is False


async def test_typing_ends_by_itself(stage: Stage) -> None:
    person = await stage.person()
    written = await stage.write(person)
    await stage.send(
        {"status": "read", "message_id": written, "typing_indicator": {"type": "text"}}
    )
    await stage.http.post("/simulator/clock", json={"skip_seconds": 25})
    chat = f"/simulator/conversations/{person['id']}/{PHONE_NUMBER_ID}"
    assert (await stage.http.get(chat)).json()["typing"] is False


async def test_a_read_receipt_for_an_unknown_message_is_refused(stage: Stage) -> None:
    response = await stage.send({"status": "read", "message_id": "wamid.unknown"})
    assert response.json()["error"]["code"] == 131009


async def test_the_pair_limit(tmp_path: Path) -> None:
    async with staged(tmp_path, pair_burst=2) as stage:
        person, other = await stage.acquainted(), await stage.acquainted()
        text = {"to": f"+{person['wa_id']}", "text": {"body": "x"}}
        assert [(await stage.send(text)).status_code for _ in range(3)] == [200, 200, 400]
        assert (await stage.send(text)).json()["error"]["code"] == 131056
        await stage.reply(other)
        await stage.http.post("/simulator/clock", json={"skip_seconds": 6})
        assert [(await stage.send(text)).status_code for _ in range(2)] == [200, 400]


async def test_what_graph_does_not_have_is_an_error_of_graph(stage: Stage) -> None:
    for method, path in (("POST", f"{PHONE_NUMBER_ID}/shoes"), ("DELETE", f"{WABA_ID}/messages")):
        response = await stage.graph(method, path)
        assert response.status_code == 400
        assert response.json()["error"]["code"] == 100


async def test_numbers_and_subscriptions(stage: Stage) -> None:
    number = (await stage.graph("GET", PHONE_NUMBER_ID)).json()
    assert number == {
        "verified_name": "Blue Door Bakery",
        "display_phone_number": "+1 555 078 3881",
        "quality_rating": "GREEN",
        "id": PHONE_NUMBER_ID,
    }
    fields = (await stage.graph("GET", f"{PHONE_NUMBER_ID}?fields=verified_name")).json()
    assert fields == {"verified_name": "Blue Door Bakery", "id": PHONE_NUMBER_ID}
    unknown = await stage.graph("GET", f"{PHONE_NUMBER_ID}?fields=shoe_size")
    assert unknown.json()["error"]["code"] == 100
    account = (await stage.graph("GET", f"{WABA_ID}/phone_numbers")).json()
    assert [item["id"] for item in account["data"]] == [PHONE_NUMBER_ID]
    assert len((await stage.graph("GET", f"{WABA_ID}/subscribed_apps")).json()["data"]) == 1
    assert (await stage.graph("DELETE", f"{WABA_ID}/subscribed_apps")).json() == {"success": True}
    assert (await stage.graph("GET", f"{WABA_ID}/subscribed_apps")).json() == {"data": []}
    person = await stage.person()
    await stage.write(person, "nobody listens")
    await stage.graph("POST", f"{WABA_ID}/subscribed_apps")
    await stage.write(person, "now they do")
    await stage.receiver.until(lambda: bool(stage.receiver.messages()))
    assert [item["text"]["body"] for item in stage.receiver.messages()] == ["now they do"]


async def test_an_account_with_many_numbers_is_read_in_pages(stage: Stage) -> None:
    others = [f"2000{number}" for number in range(4)]
    for number in others:
        await stage.put_number(number)
    await stage.put_number("30000", waba_id="7")
    first = (await stage.graph("GET", f"{WABA_ID}/phone_numbers?limit=3")).json()
    after = first["paging"]["cursors"]["after"]
    assert f"after={after}" in first["paging"]["next"]
    last = (await stage.graph("GET", f"{WABA_ID}/phone_numbers?limit=3&after={after}")).json()
    assert "next" not in last["paging"]
    listed = [item["id"] for page in (first, last) for item in page["data"]]
    assert listed == [PHONE_NUMBER_ID, *others]


@pytest.mark.skipif(not FIXTURES.is_dir(), reason="Meta's example requests are not at hand")
async def test_metas_own_examples_are_accepted(stage: Stage) -> None:
    person = await stage.person(wa_id="16505551234")
    written = await stage.write(person)
    uploads = {"messaging_product": "whatsapp"}
    file = {"file": ("a.png", b"not empty", "image/png")}
    upload = await stage.graph("POST", f"{PHONE_NUMBER_ID}/media", data=uploads, files=file)
    examples = sorted(FIXTURES.glob("*.json"))
    assert examples
    for example in examples:
        body = completed(json.loads(example.read_text()), wamid=written, media=upload.json()["id"])
        response = await stage.send(body)
        unknown = "template" in body and response.status_code == 404
        if unknown:  # well formed, but this account has no such template
            assert response.json()["error"]["code"] == 132001, f"{example.name}: {response.text}"
        else:
            assert response.status_code == 200, f"{example.name}: {response.text}"


def completed(body: dict[str, Any], *, wamid: str, media: str) -> dict[str, Any]:
    """An example with its placeholders filled in."""
    if "message_id" in body:
        body["message_id"] = wamid
    if "to" in body:
        body["to"] = "+16505551234"
    if "reaction" in body:
        body["reaction"]["message_id"] = wamid
    for kind in ("image", "video", "audio", "document", "sticker"):
        if kind in body and "id" in body[kind]:
            body[kind]["id"] = media
        if kind in body and "link" in body[kind]:
            body[kind]["link"] = "https://example.com/file"
    action = body.get("interactive", {}).get("action", {})
    for section in action.get("sections", []):
        for number, row in enumerate(section.get("rows", [])):
            row["title"] = f"Row {number}"
    for number, choice in enumerate(action.get("buttons", [])):
        choice["reply"]["title"] = f"Choice {number}"
    for section in action.get("sections", []):
        section["title"] = section["title"][:24]
    return body
