"""Faults on demand: each does what its name says, to the sends it is meant for."""

from typing import Any

import httpx
import pytest

from tests.simulator.stage import PHONE_NUMBER_ID, WABA_ID, Stage


def text_to(person: dict[str, Any]) -> dict[str, Any]:
    return {"to": f"+{person['wa_id']}", "text": {"body": "hello"}}


async def test_an_error_meets_as_many_sends_as_asked(stage: Stage) -> None:
    person = await stage.acquainted()
    await stage.put_faults({"effect": "error", "code": 130429, "count": 2})
    answers = [await stage.send(text_to(person)) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [400, 400, 200]
    error = answers[0].json()["error"]
    assert error["code"] == 130429
    assert error["message"] == "(#130429) Rate limit hit"
    assert error["error_data"]["messaging_product"] == "whatsapp"
    rules = (await stage.http.get("/simulator/faults")).json()["rules"]
    assert rules[0]["hits"] == 2


async def test_a_rule_meets_only_whom_it_names(stage: Stage) -> None:
    person, other = await stage.acquainted(), await stage.acquainted()
    await stage.put_faults({"effect": "error", "code": 131000, "recipient": person["wa_id"]})
    assert (await stage.send(text_to(other))).status_code == 200
    assert (await stage.send(text_to(person))).status_code == 500
    await stage.put_faults({"effect": "error", "code": 190, "phone_number_id": "1"})
    assert (await stage.send(text_to(person))).status_code == 200


async def test_clearing(stage: Stage) -> None:
    person = await stage.acquainted()
    await stage.put_faults({"effect": "error", "code": 190})
    assert (await stage.send(text_to(person))).status_code == 401
    assert (await stage.http.delete("/simulator/faults")).status_code == 204
    assert (await stage.send(text_to(person))).status_code == 200


async def test_an_asynchronous_error(stage: Stage) -> None:
    person = await stage.acquainted()
    await stage.put_faults({"effect": "error_async", "code": 131049})
    sent = await stage.reply(person, biz_opaque_callback_data="key")
    await stage.receiver.until(lambda: bool(stage.receiver.statuses()))
    status = stage.receiver.statuses()[0]
    assert (status["id"], status["status"]) == (sent, "failed")
    assert status["errors"][0]["code"] == 131049
    assert status["biz_opaque_callback_data"] == "key"


@pytest.mark.parametrize("accept", [True, False])
async def test_a_server_error_may_or_may_not_have_sent(stage: Stage, accept: bool) -> None:
    person = await stage.acquainted()
    await stage.put_faults({"effect": "http_500", "accept": accept, "count": 1})
    assert (await stage.send(text_to(person))).status_code == 500
    assert len(await stage.chat(person)) == (2 if accept else 1)


async def test_a_lost_answer_is_of_a_message_that_was_sent(stage: Stage) -> None:
    person = await stage.acquainted()
    await stage.put_faults({"effect": "lost_answer", "seconds": 0.05})
    with pytest.raises(httpx.TransportError):
        await stage.send(text_to(person) | {"biz_opaque_callback_data": "key"})
    await stage.receiver.until(lambda: len(stage.receiver.statuses()) == 2)
    assert stage.receiver.statuses()[0]["biz_opaque_callback_data"] == "key"
    send = (await stage.http.get("/simulator/sends")).json()["items"][0]
    assert (send["status_code"], send["fault"]) == (None, "lost_answer")
    await stage.put_faults({"effect": "lost_answer", "seconds": 30})
    with pytest.raises(httpx.ReadTimeout):
        await stage.graph(
            "POST",
            f"{PHONE_NUMBER_ID}/messages",
            json={"messaging_product": "whatsapp"} | text_to(person),
            timeout=0.2,
        )
    assert len(await stage.chat(person)) == 3


async def test_a_reset_sends_nothing(stage: Stage) -> None:
    person = await stage.acquainted()
    await stage.put_faults({"effect": "reset", "count": 1})
    with pytest.raises(httpx.TransportError):
        await stage.send(text_to(person))
    assert len(await stage.chat(person)) == 1
    await stage.reply(person)


async def test_statuses_can_be_dropped_by_name(stage: Stage) -> None:
    person = await stage.acquainted()
    await stage.put_faults({"effect": "drop_statuses", "statuses": ["sent"]})
    await stage.reply(person)
    await stage.receiver.until(lambda: bool(stage.receiver.statuses()))
    assert [status["status"] for status in stage.receiver.statuses()] == ["delivered"]


async def test_a_rule_governs_a_message_to_its_end(stage: Stage) -> None:
    person = await stage.acquainted()
    await stage.put_faults({"effect": "drop_statuses", "count": 1})
    silent = await stage.reply(person)
    told = await stage.reply(person)
    await stage.http.post(
        f"/simulator/people/{person['id']}/opened", json={"phone_number_id": PHONE_NUMBER_ID}
    )
    await stage.receiver.until(lambda: len(stage.receiver.statuses()) == 3)
    assert {status["id"] for status in stage.receiver.statuses()} == {told}
    assert await stage.status_of(person, silent) == "read"


async def test_statuses_can_be_late(stage: Stage) -> None:
    person = await stage.acquainted()
    await stage.put_faults({"effect": "delay_statuses", "seconds": 1000, "count": 1})
    late = await stage.reply(person)
    prompt = await stage.reply(person)
    await stage.receiver.until(lambda: len(stage.receiver.statuses()) == 2)
    assert {status["id"] for status in stage.receiver.statuses()} == {prompt}
    await stage.http.post("/simulator/clock", json={"skip_seconds": 1000})
    await stage.receiver.until(lambda: len(stage.receiver.statuses()) == 4)
    assert {status["id"] for status in stage.receiver.statuses()[2:]} == {late}


async def test_webhooks_can_come_twice(stage: Stage) -> None:
    await stage.put_faults({"effect": "duplicate_webhooks"})
    person = await stage.person()
    await stage.write(person)
    await stage.reply(person)
    await stage.receiver.until(lambda: len(stage.receiver.bodies) == 6)
    assert len(set(stage.receiver.bodies)) == 3


async def test_a_status_can_overtake_the_answer(stage: Stage) -> None:
    person = await stage.acquainted()
    await stage.put_faults({"effect": "status_before_response"})
    sent = await stage.reply(person)
    assert sent in [status["id"] for status in stage.receiver.statuses()]


@pytest.mark.parametrize(
    "rule",
    [
        {"effect": "error"},
        {"effect": "delay_statuses"},
        {"effect": "gravity"},
        {"effect": "reset", "count": 0},
        {"effect": "reset", "colour": "red"},
        "reset",
    ],
)
async def test_a_rule_that_makes_no_sense_is_refused(shared_stage: Stage, rule: Any) -> None:
    response = await shared_stage.http.put("/simulator/faults", json={"rules": [rule]})
    assert response.status_code == 422
    assert response.json()["errors"]


ACCOUNT_CALLS = [
    ("GET", PHONE_NUMBER_ID),
    ("GET", f"{WABA_ID}/phone_numbers"),
    ("POST", f"{WABA_ID}/subscribed_apps"),
    ("GET", f"{WABA_ID}/subscribed_apps"),
]


@pytest.mark.parametrize(("method", "path"), ACCOUNT_CALLS)
async def test_what_is_asked_about_an_account_may_be_refused_or_not_answered(
    stage: Stage, method: str, path: str
) -> None:
    await stage.put_faults({"effect": "account_error", "code": 200, "count": 1})
    refused = await stage.graph(method, path)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, 200)
    assert (await stage.graph(method, path)).status_code == 200
    await stage.put_faults({"effect": "account_silence", "seconds": 0, "count": 1})
    with pytest.raises(httpx.HTTPError):
        await stage.graph(method, path)
    assert (await stage.graph(method, path)).status_code == 200


async def test_faults_of_accounts_let_messages_through(stage: Stage) -> None:
    person = await stage.acquainted()
    await stage.put_faults({"effect": "account_error", "code": 190})
    assert (await stage.send(text_to(person))).status_code == 200
