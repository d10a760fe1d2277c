"""The control API: people, what they write, the raw traffic, events, and bad requests."""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.simulator.receiver import DEADLINE_SECONDS
from tests.simulator.stage import PHONE_NUMBER_ID, WABA_ID, Stage, staged

CONVERSATION = "conv_01ARZ3NDEKTSV4RRFFQ69G5FAV01BX5ZZKBKACTAV9WEVGEMMVRZ"


async def test_people_are_made_once(stage: Stage) -> None:
    person = await stage.person(id="ana", wa_id="34600000001")
    again = await stage.http.post("/simulator/people", json={"name": "A", "id": "ana"})
    assert again.status_code == 409
    same_number = {"name": "B", "wa_id": "34600000001"}
    assert (await stage.http.post("/simulator/people", json=same_number)).status_code == 409
    renamed = await stage.http.put("/simulator/people/ana", json={"name": "Ana María"})
    assert renamed.json() == person | {"name": "Ana María"}
    assert (await stage.http.get("/simulator/people")).json()["items"] == [renamed.json()]


async def test_made_up_numbers_are_never_taken(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_up = iter(["12015550100", "12015550100", "12015550101"])
    monkeypatch.setattr("local.simulator.world.new_wa_id", lambda: next(made_up))
    assert (await stage.person())["wa_id"] == "12015550100"
    assert (await stage.person())["wa_id"] == "12015550101"


async def test_secrets_go_in_and_never_come_out(stage: Stage) -> None:
    listed = (await stage.http.get("/simulator/numbers")).text
    assert "Blue Door Bakery" in listed
    for secret in ("the access token", "the app's secret", "the verify token"):
        assert secret not in listed


WRITTEN: list[dict[str, Any]] = [
    {"type": "location", "location": {"latitude": 1.5, "longitude": 2.5, "name": "Here"}},
    {"type": "contacts", "contacts": [{"name": {"formatted_name": "Bo"}}]},
    {"type": "interactive", "interactive": {"type": "button_reply", "button_reply": {"id": "1"}}},
    {"type": "button", "button": {"payload": "yes", "text": "Yes"}},
    {"type": "reaction", "reaction": {"message_id": "wamid.x", "emoji": "👍"}},
    {"type": "order", "order": {"catalog_id": "1", "product_items": []}},
]


@pytest.mark.parametrize("body", WRITTEN, ids=[str(body["type"]) for body in WRITTEN])
async def test_every_kind_of_message_reaches_the_business(
    stage: Stage, body: dict[str, Any]
) -> None:
    await stage.write(await stage.person(), **{"text": None} | body)
    await stage.receiver.until(lambda: bool(stage.receiver.messages()))
    told = stage.receiver.messages()[0]
    assert told["type"] == body["type"]
    assert told[body["type"]] == body[body["type"]]


async def test_a_raw_message_is_told_as_it_is(stage: Stage) -> None:
    raw = {"type": "hologram", "hologram": {"x": [1, None]}, "from": "00", "id": "wamid.mine"}
    person = await stage.person()
    assert await stage.write(person, type="raw", raw=raw, text=None) == "wamid.mine"
    await stage.receiver.until(lambda: bool(stage.receiver.messages()))
    assert raw.items() <= stage.receiver.messages()[0].items()


async def test_a_reply_quotes_what_it_answers(stage: Stage) -> None:
    person = await stage.acquainted()
    sent = await stage.reply(person)
    await stage.write(person, "to that", context={"message_id": sent})
    await stage.receiver.until(lambda: len(stage.receiver.messages()) == 2)
    assert stage.receiver.messages()[1]["context"] == {"from": "15550783881", "id": sent}


async def test_raw_sends_are_listed_newest_first_in_pages(stage: Stage) -> None:
    person = await stage.acquainted()
    for text in ("one", "two", "three"):
        await stage.reply(person, text)
    await stage.send({"type": "nonsense"})
    first = (await stage.http.get("/simulator/sends?limit=2")).json()
    assert [item["status_code"] for item in first["items"]] == [400, 200]
    assert json.loads(first["items"][1]["body"])["text"]["body"] == "three"
    rest = (await stage.http.get(f"/simulator/sends?cursor={first['next_cursor']}")).json()
    assert [json.loads(item["body"])["text"]["body"] for item in rest["items"]] == ["two", "one"]
    assert rest["next_cursor"] is None
    only = (await stage.http.get(f"/simulator/sends?person_id={person['id']}")).json()
    assert len(only["items"]) == 3


async def test_a_message_leads_to_its_workflow(stage: Stage) -> None:
    person = await stage.acquainted()
    await stage.reply(person, biz_opaque_callback_data=f"{CONVERSATION}.msg_1")
    await stage.reply(person, biz_opaque_callback_data="something else")
    known, unknown = (await stage.chat(person))[1:]
    workflow = "conversation/chn_01ARZ3NDEKTSV4RRFFQ69G5FAV/wau_01BX5ZZKBKACTAV9WEVGEMMVRZ"
    assert known["workflow_id"] == workflow
    assert known["workflow_url"] == (
        "http://127.0.0.1:8233/namespaces/default/workflows/" + workflow.replace("/", "%2F")
    )
    assert unknown["workflow_url"] is None


async def test_data_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        person = await stage.acquainted()
    with closing(sqlite3.connect(tmp_path / "simulator.sqlite3")) as file:
        file.execute("ALTER TABLE messages DROP COLUMN extra")
        file.execute("DROP TABLE templates")
        file.execute("DROP TABLE desks")
    async with staged(tmp_path) as stage:
        await stage.reply(person)
        assert [message["extra"]["from_app"] for message in await stage.chat(person)] == [False] * 2
        listed = await stage.graph("GET", f"{WABA_ID}/message_templates")
        assert listed.json()["data"]


async def test_unread_messages_are_counted(stage: Stage) -> None:
    person = await stage.acquainted()
    await stage.reply(person, "one")
    await stage.reply(person, "two")
    chat = (await stage.http.get("/simulator/conversations")).json()["items"][0]
    assert chat["unread"] == 2
    assert chat["last_message"]["content"]["body"] == "two"


async def test_events_tell_the_page_what_happens(stage: Stage) -> None:
    person = await stage.person()
    seen: set[str] = set()

    async def follow() -> None:
        async with stage.http.stream("GET", "/simulator/events") as stream:
            async for line in stream.aiter_lines():
                if line.startswith("retry:"):
                    following.set()
                if line.startswith("data: "):
                    seen.add(json.loads(line.removeprefix("data: "))["type"])
                if seen >= {"message", "delivery", "send", "typing", "notice"}:
                    return

    following = asyncio.Event()
    async with asyncio.timeout(DEADLINE_SECONDS), asyncio.TaskGroup() as group:
        group.create_task(follow())
        await following.wait()
        await stage.http.put("/simulator/notice", json={"text": "offline model"})
        written = await stage.write(person)
        typing = {"typing_indicator": {"type": "text"}}
        await stage.send({"status": "read", "message_id": written} | typing)
    assert (await stage.http.get("/simulator/notice")).json() == {"text": "offline model"}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "people", b"{", 400),
        ("POST", "people", b"[]", 400),
        ("POST", "people", b"{}", 422),
        ("POST", "people", b'{"name": "\\ud800"}', 400),
        ("POST", "people", b'{"name": "x", "wa_id": "+1"}', 422),
        ("POST", "people", b'{"name": "x", "shoe_size": 1}', 422),
        ("PUT", "people/a%20b", b'{"name": "x"}', 422),
        ("POST", "people/nobody/messages", b"{}", 404),
        ("PUT", "numbers/abc", b"{}", 422),
        ("POST", "numbers/123/verify", b"", 404),
        ("GET", "conversations/nobody/123", b"", 404),
        ("GET", "deliveries?cursor=99999999999999999999", b"", 422),
        ("GET", "sends?limit=0", b"", 422),
        ("GET", "media/123", b"", 404),
        ("POST", "media", b"{}", 415),
        ("POST", "clock", b'{"skip_seconds": -1}', 422),
        ("PUT", "notice", b'{"text": 7}', 422),
    ],
)
async def test_a_bad_request_gets_a_clear_answer(
    shared_stage: Stage, method: str, path: str, body: bytes, status: int
) -> None:
    response = await shared_stage.http.request(
        method, f"/simulator/{path}", content=body, headers={"Content-Type": "application/json"}
    )
    assert response.status_code == status, response.text
    assert response.json()["detail"]


async def test_another_site_cannot_post_a_form(shared_stage: Stage) -> None:
    response = await shared_stage.http.post(
        "/simulator/people", content=b'{"name": "x"}', headers={"Content-Type": "text/plain"}
    )
    assert response.status_code == 415


KEYS = (
    "to",
    "recipient",
    "type",
    "text",
    "image",
    "interactive",
    "template",
    "reaction",
    "contacts",
    "location",
    "context",
    "status",
    "message_id",
    "recipient_type",
    "biz_opaque_callback_data",
    "body",
    "link",
    "id",
    "action",
    "buttons",
    "sections",
    "rows",
    "parameters",
    "components",
    "name",
    "language",
    "typing_indicator",
    "messaging_product",
)
keys = st.sampled_from(KEYS)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(
        ["text", "interactive", "image", "reaction", "button", "list", "16505551234"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=5),
    max_leaves=12,
)


@given(body=st.dictionaries(keys, values, max_size=8), known=st.booleans())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
async def test_no_body_whatsoever_is_a_server_error(
    shared_stage: Stage, body: dict[str, Any], known: bool
) -> None:
    addressed = {"messaging_product": "whatsapp", "to": "16505551234"} if known else {}
    response = await shared_stage.send(body | addressed)
    assert response.status_code in (200, 400), response.text
    if response.status_code == 400:
        assert response.json()["error"]["code"] in (100, 131008, 131009)
    await shared_stage.http.put("/simulator/people/someone", json={"name": "Someone"})
    written = await shared_stage.http.post(
        "/simulator/people/someone/messages", json=body | {"phone_number_id": PHONE_NUMBER_ID}
    )
    assert written.status_code in (201, 422), written.text
