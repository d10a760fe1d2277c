"""Switches, held webhooks, throughput, codes and the clock: how the network is made to behave."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.simulator.stage import PHONE_NUMBER_ID, Stage, eventually, staged


async def switch(stage: Stage, **changes: Any) -> dict[str, Any]:
    response = await stage.http.patch("/simulator/behaviour", json=changes)
    assert response.status_code == 200, response.text
    behaviour: dict[str, Any] = response.json()
    return behaviour


async def test_a_number_has_a_throughput(stage: Stage) -> None:
    await switch(stage, messages_per_second=2)
    person, other = await stage.acquainted(), await stage.acquainted()
    text = {"text": {"body": "x"}}
    to = [person, other, person]
    answers = [await stage.send({"to": f"+{one['wa_id']}"} | text) for one in to]
    assert [answer.status_code for answer in answers] == [200, 200, 400]
    assert answers[2].json()["error"]["code"] == 130429
    await stage.post("clock", {"skip_seconds": 1})
    await stage.reply(person)
    await switch(stage, messages_per_second=None)
    for _ in range(5):
        await stage.reply(person)


async def test_switches_survive_a_restart_until_they_are_reset(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        before = (await stage.http.get("/simulator/behaviour")).json()
        changed = await switch(stage, service_window="sync", webhook_version=23)
        assert changed == before | {"service_window": "sync", "webhook_version": 23}
    async with staged(tmp_path) as stage:
        assert (await stage.http.get("/simulator/behaviour")).json() == changed
        assert (await stage.http.delete("/simulator/behaviour")).json() == before


@pytest.mark.parametrize("changes", [{"colour": 1}, {"webhook_version": 3}, {"pair_burst": 0}])
async def test_a_switch_that_makes_no_sense_is_refused(
    shared_stage: Stage, changes: dict[str, Any]
) -> None:
    response = await shared_stage.http.patch("/simulator/behaviour", json=changes)
    assert response.status_code == 422


async def test_the_shape_of_statuses_is_switched_while_it_runs(stage: Stage) -> None:
    person = await stage.acquainted()
    await switch(stage, webhook_version=23)
    await stage.reply(person)
    await stage.receiver.until(lambda: len(stage.receiver.statuses()) == 2)
    assert "expiration_timestamp" in stage.receiver.statuses()[0]["conversation"]
    await switch(stage, webhook_version=24)
    await stage.reply(person)
    await stage.receiver.until(lambda: len(stage.receiver.statuses()) == 4)
    assert "conversation" not in stage.receiver.statuses()[2]


@pytest.mark.parametrize(
    ("order", "told", "posts"),
    [
        ("kept", ["0", "1", "2"], 3),
        ("reversed", ["2", "1", "0"], 3),
        ("batched", ["0", "1", "2"], 1),
    ],
)
async def test_held_webhooks_come_in_the_order_asked_for(
    stage: Stage, order: str, told: list[str], posts: int
) -> None:
    person = await stage.person()
    await stage.post("webhooks/hold")
    written = [await stage.write(person, text) for text in "012"]
    assert stage.receiver.bodies == []
    assert (await stage.post("webhooks/release", {"order": order}))["posts"] == posts
    await stage.receiver.until(lambda: len(stage.receiver.messages()) == 3)
    assert [item["text"]["body"] for item in stage.receiver.messages()] == told
    assert len(stage.receiver.bodies) == posts
    assert stage.receiver.signed_correctly(0)

    async def ticked() -> bool:
        statuses = {await stage.status_of(person, message_id) for message_id in written}
        return statuses == {"delivered"}

    await eventually(ticked)


async def test_a_hold_survives_a_restart(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.post("webhooks/hold")
        await stage.write(await stage.person())
    async with staged(tmp_path) as stage:
        assert (await stage.http.get("/simulator/webhooks/hold")).json() == {"held": True}
        await stage.post("webhooks/release")
        await stage.receiver.until(lambda: bool(stage.receiver.messages()))


async def test_a_batch_that_is_refused_comes_again_whole(stage: Stage) -> None:
    person = await stage.person()
    await stage.post("webhooks/hold")
    for text in "01":
        await stage.write(person, text)
    stage.receiver.answers = [503]
    await stage.post("webhooks/release", {"order": "batched"})
    await stage.receiver.until(lambda: len(stage.receiver.bodies) == 2)
    assert stage.receiver.bodies[0] == stage.receiver.bodies[1]
    assert len(json.loads(stage.receiver.bodies[0])["entry"]) == 2


async def test_a_message_can_be_overtaken(stage: Stage) -> None:
    await stage.put_faults({"effect": "delay_messages", "seconds": 60, "count": 1})
    person = await stage.person()
    await stage.write(person, "first")
    await stage.write(person, "second")
    await stage.receiver.until(lambda: bool(stage.receiver.messages()))
    assert stage.receiver.messages()[0]["text"]["body"] == "second"
    await stage.post("clock", {"skip_seconds": 61})
    await stage.receiver.until(lambda: len(stage.receiver.messages()) == 2)
    first, second = stage.receiver.messages()[1], stage.receiver.messages()[0]
    assert first["timestamp"] <= second["timestamp"]


async def test_statuses_can_come_the_wrong_way_round(stage: Stage) -> None:
    await stage.put_faults({"effect": "reorder_statuses"})
    person = await stage.acquainted()
    sent = await stage.reply(person)
    await stage.receiver.until(lambda: len(stage.receiver.statuses()) == 2)
    assert [item["status"] for item in stage.receiver.statuses()] == ["delivered", "sent"]
    assert await stage.status_of(person, sent) == "delivered"


async def test_a_download_link_can_be_over(stage: Stage) -> None:
    person = await stage.person()
    file = {"content_base64": "AAAA", "mime_type": "image/png"}
    await stage.write(person, type="image", image=file, text=None)
    await stage.receiver.until(lambda: bool(stage.receiver.messages()))
    image = stage.receiver.messages()[0]["image"]
    headers = {"Authorization": "Bearer the access token"}
    await stage.put_faults({"effect": "media_expired", "count": 1})
    statuses = [(await stage.http.get(image["url"], headers=headers)).status_code for _ in range(2)]
    assert statuses == [404, 200]
    await switch(stage, media_url_seconds=5)
    fresh = (await stage.graph("GET", image["id"])).json()["url"]
    await stage.post("clock", {"skip_seconds": 6})
    assert (await stage.http.get(fresh, headers=headers)).status_code == 404


async def test_every_code_of_the_list_can_be_provoked_at_once(stage: Stage) -> None:
    person = await stage.acquainted()
    await switch(stage, messages_per_second=None)
    kinds = (await stage.http.get("/simulator/errors")).json()["items"]
    assert len(kinds) > 60
    for kind in kinds:
        await stage.put_faults({"effect": "error", "code": kind["code"], "count": 1})
        answer = await stage.send({"to": f"+{person['wa_id']}", "text": {"body": "x"}})
        assert answer.status_code == kind["status"], kind
        assert answer.json()["error"]["code"] == kind["code"]
        assert kind["meaning"]
        assert kind["when"] in ("at once", "later", "either")


async def test_every_code_of_the_list_can_be_provoked_later(stage: Stage) -> None:
    person = await stage.acquainted()
    kinds = (await stage.http.get("/simulator/errors")).json()["items"]
    await switch(stage, messages_per_second=None)
    rules = [{"effect": "error_async", "code": kind["code"], "count": 1} for kind in kinds]
    for rule in rules:
        await stage.put_faults(rule)
        await stage.reply(person)
    await stage.receiver.until(lambda: len(stage.receiver.statuses()) == len(kinds))
    told = [status["errors"][0]["code"] for status in stage.receiver.statuses()]
    assert sorted(told) == sorted(kind["code"] for kind in kinds)


async def test_the_window_of_each_chat_is_known(stage: Stage) -> None:
    person = await stage.acquainted()

    async def look() -> tuple[float, bool, float]:
        chat = await stage.http.get(f"/simulator/conversations/{person['id']}/{PHONE_NUMBER_ID}")
        listed = (await stage.http.get("/simulator/conversations")).json()["items"][0]
        assert listed["window_closes_at"] == chat.json()["window_closes_at"]
        now = (await stage.http.get("/simulator/clock")).json()["now"]
        closes_at = chat.json()["window_closes_at"]
        return closes_at, chat.json()["window_open"], closes_at - now

    _, is_open, left = await look()
    assert is_open
    assert 86_000 < left <= 86_400
    await stage.post("clock", {"skip_seconds": 86_340})
    assert (await look())[1]
    await stage.post("clock", {"skip_seconds": 61})
    _, is_open, left = await look()
    assert not is_open
    assert left < 0
