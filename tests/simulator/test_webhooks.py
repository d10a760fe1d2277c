"""What a business is told: signed, retried, in order, and across a restart."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.simulator.receiver import DEADLINE_SECONDS, receiving
from tests.simulator.stage import PHONE_NUMBER_ID, Stage, eventually, staged

ROOT = Path(__file__).parents[2]


async def test_a_message_is_told_the_way_meta_does(stage: Stage) -> None:
    person = await stage.person()
    written = await stage.write(person, "¿Qué tal? 👍")
    await stage.receiver.until(lambda: bool(stage.receiver.bodies))
    value = stage.receiver.values()[0]
    assert value["metadata"] == {
        "display_phone_number": "15550783881",
        "phone_number_id": PHONE_NUMBER_ID,
    }
    assert value["contacts"] == [
        {
            "profile": {"name": "Lucía Gómez"},
            "wa_id": person["wa_id"],
            "user_id": person["user_id"],
        }
    ]
    message = value["messages"][0]
    assert message.pop("timestamp").isdigit()
    assert message == {
        "from": person["wa_id"],
        "from_user_id": person["user_id"],
        "id": written,
        "type": "text",
        "text": {"body": "¿Qué tal? 👍"},
    }


async def test_the_signature_covers_escaped_bytes(stage: Stage) -> None:
    await stage.write(await stage.person(), "¿Qué tal? 👍")
    await stage.receiver.until(lambda: bool(stage.receiver.bodies))
    body = stage.receiver.bodies[0]
    assert body.isascii()
    assert b"\\u00bfQu\\u00e9 tal? \\ud83d\\udc4d" in body
    assert body == json.dumps(json.loads(body), separators=(",", ":")).encode()
    assert stage.receiver.signed_correctly(0)


async def test_statuses_follow_a_message(stage: Stage) -> None:
    person = await stage.acquainted()
    sent = await stage.reply(person, biz_opaque_callback_data="out_1")
    await stage.receiver.until(lambda: len(stage.receiver.statuses()) == 2)
    first, second = stage.receiver.statuses()
    assert [first["status"], second["status"]] == ["sent", "delivered"]
    for status in (first, second):
        assert status["id"] == sent
        assert status["recipient_id"] == person["wa_id"]
        assert status["biz_opaque_callback_data"] == "out_1"
        assert status["pricing"]["type"] == "free_customer_service"
        assert "conversation" not in status
    opened = await stage.http.post(
        f"/simulator/people/{person['id']}/opened", json={"phone_number_id": PHONE_NUMBER_ID}
    )
    assert opened.json() == {"read": 1}
    await stage.receiver.until(lambda: len(stage.receiver.statuses()) == 3)
    assert stage.receiver.statuses()[2]["status"] == "read"
    assert await stage.status_of(person, sent) == "read"


async def test_older_versions_carry_a_conversation(tmp_path: Path) -> None:
    async with staged(tmp_path, webhook_version=23) as stage:
        await stage.reply(await stage.acquainted())
        await stage.receiver.until(lambda: len(stage.receiver.statuses()) == 2)
        assert stage.receiver.statuses()[0]["conversation"]["origin"] == {"type": "service"}


async def test_a_second_tick_means_that_the_business_took_it(stage: Stage) -> None:
    person = await stage.person()
    stage.receiver.hold.clear()
    written = await stage.write(person)
    await stage.receiver.until(lambda: bool(stage.receiver.bodies))
    assert await stage.status_of(person, written) == "sent"
    stage.receiver.hold.set()

    async def taken() -> bool:
        return await stage.status_of(person, written) == "delivered"

    await eventually(taken)


async def test_a_refused_delivery_is_repeated_byte_for_byte(stage: Stage) -> None:
    stage.receiver.answers = [500, 401, 204]
    await stage.write(await stage.person())
    await stage.receiver.until(lambda: len(stage.receiver.bodies) == 4)
    assert len(set(stage.receiver.bodies)) == 1

    async def recorded() -> bool:
        delivery = (await stage.http.get("/simulator/deliveries")).json()["items"][0]
        return (delivery["state"], delivery["attempts"]) == ("delivered", 4)

    await eventually(recorded)


async def test_waits_between_attempts_double(tmp_path: Path) -> None:
    async with staged(tmp_path, retry_base_seconds=100, retry_cap_seconds=1000) as stage:
        stage.receiver.answers = [500] * 6
        await stage.write(await stage.person())
        waits = []
        for attempt in range(1, 7):
            delivery = await attempted(stage, attempt)
            now = (await stage.http.get("/simulator/clock")).json()["now"]
            waits.append(round((delivery["due_at"] - now) / 100))
            await stage.http.post(
                "/simulator/clock", json={"skip_seconds": delivery["due_at"] - now + 0.01}
            )
        assert waits == [1, 2, 4, 8, 10, 10]


async def attempted(stage: Stage, attempts: int) -> dict[str, Any]:
    delivery: dict[str, Any] = {}

    async def done() -> bool:
        nonlocal delivery
        delivery = (await stage.http.get("/simulator/deliveries")).json()["items"][0]
        return bool(delivery["attempts"] >= attempts)

    await eventually(done)
    return delivery


async def test_deliveries_end_after_a_week(tmp_path: Path) -> None:
    async with staged(tmp_path, retry_base_seconds=60) as stage:
        stage.receiver.answers = [500, 500]
        await stage.write(await stage.person())
        await attempted(stage, 1)
        await stage.http.post("/simulator/clock", json={"skip_seconds": 7 * 86_400 + 1})
        assert (await attempted(stage, 2))["state"] == "dropped"


async def test_messages_of_a_person_come_in_order_and_people_do_not_wait(stage: Stage) -> None:
    person, other = await stage.person(), await stage.person()
    stage.receiver.hold.clear()
    texts = [str(number) for number in range(20)]
    for text in texts:
        await stage.write(person, text)
    await stage.write(other, "meanwhile")
    await stage.receiver.until(
        lambda: "meanwhile" in [item["text"]["body"] for item in stage.receiver.messages()]
    )
    assert len(stage.receiver.messages()) == 2, "the first of one, and that of the other"
    stage.receiver.hold.set()
    await stage.receiver.until(lambda: len(stage.receiver.messages()) == 21)
    of_person = [m for m in stage.receiver.messages() if m["from"] == person["wa_id"]]
    assert [message["text"]["body"] for message in of_person] == texts


async def test_a_callback_that_is_down_gets_everything_later(stage: Stage) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        down = f"http://127.0.0.1:{unused.getsockname()[1]}/hook"
        await stage.put_number(callback_url=down)
        await stage.write(await stage.person(), "are you there?")
        assert (await attempted(stage, 1))["last_answer"] == "ConnectError"
    await stage.put_number()
    await stage.receiver.until(lambda: bool(stage.receiver.messages()))


async def test_outside_the_window_only_templates_arrive(stage: Stage) -> None:
    person = await stage.acquainted()
    await stage.http.post("/simulator/clock", json={"skip_seconds": 86_401})
    refused = await stage.reply(person, "free-form")
    await stage.receiver.until(lambda: bool(stage.receiver.statuses()))
    failed = stage.receiver.statuses()[0]
    assert (failed["id"], failed["status"]) == (refused, "failed")
    assert failed["errors"][0]["code"] == 131047
    assert "contacts" not in stage.receiver.values()[-1]
    template = {"name": "hello_world", "language": {"code": "en_US"}}
    await stage.send({"to": person["wa_id"], "type": "template", "template": template})
    await stage.receiver.until(lambda: len(stage.receiver.statuses()) == 3)
    assert [item["status"] for item in stage.receiver.statuses()[1:]] == ["sent", "delivered"]
    assert stage.receiver.statuses()[1]["pricing"]["category"] == "utility"


async def test_the_window_can_be_refused_at_once(tmp_path: Path) -> None:
    async with staged(tmp_path, service_window="sync") as stage:
        person = await stage.person()
        response = await stage.send({"to": person["wa_id"], "text": {"body": "x"}})
        assert response.json()["error"]["code"] == 131047


async def test_a_number_without_whatsapp_is_undeliverable(stage: Stage) -> None:
    await stage.send({"to": "+4915112345678", "text": {"body": "x"}})
    await stage.receiver.until(lambda: bool(stage.receiver.statuses()))
    assert stage.receiver.statuses()[0]["errors"][0]["code"] == 131026


async def test_the_handshake(stage: Stage) -> None:
    check = f"/simulator/numbers/{PHONE_NUMBER_ID}/verify"
    assert (await stage.http.post(check)).json()["verified"] is True
    await stage.put_number(verify_token="another")
    outcome = (await stage.http.post(check)).json()
    assert (outcome["verified"], outcome["status"]) == (False, 403)


async def test_a_kill_loses_nothing(tmp_path: Path) -> None:
    async with receiving() as receiver, httpx.AsyncClient(timeout=DEADLINE_SECONDS) as http:
        receiver.answers = [503] * 1000
        async with process(tmp_path) as (url, child):
            http.base_url = httpx.URL(url)
            stage = Stage(http, receiver=receiver, url=url)
            await stage.put_number()
            person = await stage.person()
            written = await stage.write(person, "survive")
            sent = await stage.reply(person, "so will I")
            await stage.put_faults({"effect": "error", "code": 131049, "recipient": "nobody"})
            await receiver.until(lambda: bool(receiver.bodies))
            os.kill(child.pid, signal.SIGKILL)
            await child.wait()
        receiver.answers = []
        seen = len(receiver.bodies)
        async with process(tmp_path) as (url, _):
            http.base_url = httpx.URL(url)
            await receiver.until(
                lambda: any(written.encode() in body for body in receiver.bodies[seen:])
            )
            assert [item["id"] for item in await stage.chat(person)] == [written, sent]
            people = (await http.get("/simulator/people")).json()["items"]
            assert people == [person]
            rules = (await http.get("/simulator/faults")).json()["rules"]
            assert [rule["code"] for rule in rules] == [131049]

            async def told() -> bool:
                return await stage.status_of(person, sent) == "delivered"

            await eventually(told)


@asynccontextmanager
async def process(data_dir: Path) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """The simulator as a process of its own, started the way a user starts it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "local.simulator", "--port", str(port)),
        *("--data-dir", str(data_dir), "--retry-cap-seconds", "0.2"),
        cwd=ROOT,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(base_url=url) as http:

            async def answers() -> bool:
                try:
                    return (await http.get("/healthz")).status_code == 200
                except httpx.TransportError:
                    return False

            await eventually(answers)
        yield url, child
    finally:
        if child.returncode is None:
            child.terminate()
            await child.wait()
