"""Templates: listed as Graph lists them, checked when they are sent, switched by Meta."""

from typing import Any

import pytest

from tests.simulator.stage import WABA_ID, Stage

TEXT = [{"type": "text", "text": text} for text in ("Grace", "Monday", "10:30")]
BODY = {"type": "body", "parameters": TEXT}
IMAGE = {"type": "image", "image": {"link": "https://example.com/1.jpg"}}


def template(name: str, *components: dict[str, Any], language: str = "en_US") -> dict[str, Any]:
    return {"name": name, "language": {"code": language}, "components": list(components)}


async def send(stage: Stage, sent: dict[str, Any], *, to: str | None = None) -> Any:
    address = to or f"+{(await stage.person())['wa_id']}"
    key = "recipient" if "." in address else "to"
    return await stage.send({key: address, "type": "template", "template": sent})


async def event(stage: Stage, event: str, name: str = "appointment_reminder") -> Any:
    return await stage.post(f"accounts/{WABA_ID}/templates/{name}/en_US/events", {"event": event})


async def test_an_account_lists_its_templates_in_pages(stage: Stage) -> None:
    page = (await stage.graph("GET", f"{WABA_ID}/message_templates?limit=3")).json()
    names = [item["name"] for item in page["data"]]
    assert page["data"][0].keys() == {
        "name", "parameter_format", "components", "language", "status", "category", "id",
    }  # fmt: skip
    while following := page["paging"].get("next"):
        page = (await stage.graph("GET", following.split("/v24.0/")[1])).json()
        names += [item["name"] for item in page["data"]]
    assert names == sorted(names)
    assert {"hello_world", "appointment_reminder", "seasonal_offer", "one_time_code"} <= set(names)
    found = await stage.graph("GET", f"{WABA_ID}/message_templates?name=hello_world&fields=status")
    assert [item.keys() for item in found.json()["data"]] == [{"status", "id"}]
    wrong = await stage.graph("GET", f"{WABA_ID}/message_templates?fields=colour")
    assert wrong.json()["error"]["code"] == 100
    assert (await stage.graph("GET", "1/message_templates")).json()["error"]["code"] == 100


async def test_a_template_is_shown_filled_in(stage: Stage) -> None:
    person = await stage.person()
    button = {
        "type": "button", "sub_type": "quick_reply", "index": "0",
        "parameters": [{"type": "payload", "payload": "yes"}],
    }  # fmt: skip
    sent = template("appointment_reminder", BODY, button)
    assert (await send(stage, sent, to=f"+{person['wa_id']}")).status_code == 200
    rendered = (await stage.chat(person))[0]["extra"]["rendered"]
    assert rendered["body"] == (
        "Hello Grace, this is a reminder of your appointment on Monday at 10:30."
    )
    assert rendered["footer"] == "You can answer this message."
    assert rendered["buttons"] == [
        {"type": "QUICK_REPLY", "text": "Confirm", "payload": "yes"},
        {"type": "QUICK_REPLY", "text": "Reschedule", "payload": "Reschedule"},
    ]


async def test_every_sample_can_be_sent(stage: Stage) -> None:
    named = [
        {"type": "text", "parameter_name": name, "text": name} for name in ("first_name", "subject")
    ]
    document = {"type": "document", "document": {"link": "https://example.com/1.pdf"}}
    url = {"type": "button", "sub_type": "url", "index": 0, "parameters": TEXT[:1]}
    sends = [
        template("hello_world"),
        template("appointment_reminder", BODY),
        template("appointment_reminder", BODY, language="es"),
        template("conversation_follow_up", {"type": "body", "parameters": named}),
        template(
            "order_shipped",
            {"type": "header", "parameters": [document]},
            {"type": "body", "parameters": TEXT[:1]},
            url,
        ),
        template(
            "seasonal_offer",
            {"type": "header", "parameters": [IMAGE]},
            {"type": "body", "parameters": TEXT[:2]},
        ),
        template("one_time_code", {"type": "body", "parameters": TEXT[:1]}, url),
    ]
    listed = (await stage.graph("GET", f"{WABA_ID}/message_templates")).json()["data"]
    assert len(sends) == len(listed)
    for sent in sends:
        answer = await send(stage, sent)
        assert answer.status_code == 200, answer.text
        assert answer.json()["messages"][0]["message_status"] == "accepted"


LONG = {"type": "text", "text": "x" * 1000}
REFUSED: list[tuple[dict[str, Any], int]] = [
    (template("no_such_template"), 132001),
    (template("hello_world", language="de"), 132001),
    (template("appointment_reminder"), 132000),
    (template("appointment_reminder", {"type": "body", "parameters": TEXT[:2]}), 132000),
    (template("hello_world", {"type": "body", "parameters": TEXT[:1]}), 132000),
    (template("hello_world", {"type": "header", "parameters": TEXT[:1]}), 132000),
    (template("appointment_reminder", {"type": "body", "parameters": [IMAGE] * 3}), 132012),
    (template("appointment_reminder", {"type": "body", "parameters": [LONG] * 3}), 132005),
    (
        template("conversation_follow_up", {"type": "body", "parameters": TEXT[:2]}),
        132000,
    ),
    (
        template(
            "seasonal_offer",
            {"type": "header", "parameters": TEXT[:1]},
            {"type": "body", "parameters": TEXT[:2]},
        ),
        132012,
    ),
]


@pytest.mark.parametrize(("sent", "code"), REFUSED)
async def test_a_send_that_does_not_fit_is_refused(
    shared_stage: Stage, sent: dict[str, Any], code: int
) -> None:
    answer = await send(shared_stage, sent)
    assert answer.json()["error"]["code"] == code, answer.text


async def test_codes_for_logging_in_need_a_phone_number(stage: Stage) -> None:
    person = await stage.person()
    body = {"type": "body", "parameters": TEXT[:1]}
    refused = await send(stage, template("one_time_code", body), to=person["user_id"])
    assert refused.json()["error"]["code"] == 131062


async def test_meta_pauses_disables_and_reinstates(stage: Stage) -> None:
    sent = template("appointment_reminder", BODY)
    codes = {"PAUSED": 132015, "DISABLED": 132016, "REJECTED": 132001}
    for name, code in codes.items():
        await event(stage, name)
        assert (await send(stage, sent)).json()["error"]["code"] == code
    await event(stage, "REINSTATED")
    assert (await send(stage, sent)).status_code == 200
    assert (await event(stage, "FLAGGED"))["status"] == "APPROVED"
    await stage.receiver.until(
        lambda: len(stage.receiver.told("message_template_status_update")) == 5
    )
    told = stage.receiver.told("message_template_status_update")
    assert [value["event"] for value in told] == [*codes, "REINSTATED", "FLAGGED"]
    assert told[0]["message_template_name"] == "appointment_reminder"
    assert isinstance(told[0]["message_template_id"], int)


async def test_templates_can_be_made(stage: Stage) -> None:
    components = [{"type": "BODY", "text": "Hola {{1}}"}]
    path = f"/simulator/accounts/{WABA_ID}/templates/saludo/es"
    made = await stage.http.put(path, json={"components": components, "category": "MARKETING"})
    assert made.status_code == 200, made.text
    greeting = template("saludo", {"type": "body", "parameters": TEXT[:1]}, language="es")
    assert (await send(stage, greeting)).status_code == 200
    again = await stage.http.put(path, json={"components": components, "status": "PAUSED"})
    assert again.json()["id"] == made.json()["id"]
    assert (await send(stage, greeting)).json()["error"]["code"] == 132015
    unknown = await stage.http.get("/simulator/accounts/1/templates")
    assert unknown.status_code == 404
