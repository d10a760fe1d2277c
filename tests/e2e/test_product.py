"""The product as a user starts it, talked to through the phone, watched through its doors."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import psutil
import pytest
from temporalio.client import Client

from contracts.ids import conversation_workflow_id, parties_of
from local.product import Product, running_product
from tests.e2e.phone import Phone, conversation_of, eventually, new_phone, processes
from tests.servers import make_directory

ABSTAINS = "can't find"
"""How the offline model says in English that the documents do not have the answer."""


@pytest.fixture(scope="module")
def data_dir() -> Path:
    return make_directory() / "data"


@pytest.fixture(scope="module")
async def product(data_dir: Path) -> AsyncIterator[Product]:
    async with running_product(data_dir) as running:
        yield running


@pytest.fixture(scope="module")
async def api(product: Product) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {product.admin_key}"}
    async with httpx.AsyncClient(
        base_url=product.api_url, headers=headers, timeout=10, trust_env=False
    ) as client:
        yield client


async def test_questions_and_follow_ups_are_answered_from_the_documents(product: Product) -> None:
    phone = await new_phone(product, "Harbour", name="Asks a lot")
    assert "10:00" in await phone.ask("When are you open on Saturday?")
    assert "losed" in await phone.ask("And on Sunday?")
    assert "19" in await phone.ask("How much is a puncture repair for a city bike?")
    rental = await phone.ask("What does a tandem cost for a weekend?")
    assert "€50" in rental
    assert rental.rpartition("\n\n")[2].startswith("📄")
    assert "p. 1" in rental


async def test_what_the_documents_do_not_say_is_not_answered(
    product: Product, api: httpx.AsyncClient
) -> None:
    phone = await new_phone(product, "Harbour", name="Asks for the moon")
    answer = await phone.ask("What is the capital of Mongolia?")
    assert ABSTAINS in answer
    assert "Ulaanbaatar" not in answer
    assert "human" in answer
    assert "What is the capital of Mongolia?" in await eventually(
        lambda: unanswered(api), lambda found: bool(found)
    )


async def unanswered(api: httpx.AsyncClient) -> list[str]:
    """What anybody has asked of any knowledge base in vain."""
    asked = []
    for organization in (await api.get("/v1/organizations")).json()["items"]:
        bases = f"/v1/organizations/{organization['id']}/knowledge-bases"
        for base in (await api.get(bases)).json()["items"]:
            listed = (await api.get(f"{bases}/{base['id']}/unanswered-questions")).json()
            asked += [question["text"] for question in listed["items"]]
    return asked


async def test_a_business_knows_its_own_documents_only(product: Product) -> None:
    bicycles = await new_phone(product, "Harbour", name="At the wrong door")
    dentist = await new_phone(product, "Linden", name="At the right door")
    question = "How much is teeth whitening?"
    assert "295" in await dentist.ask(question)
    assert "295" not in await bicycles.ask(question)


async def test_three_quick_messages_get_one_reply(product: Product) -> None:
    phone = await new_phone(product, "Linden", name="Types in bits")
    before = len(await phone.replies())
    for text in ("How much", "is", "teeth whitening?"):
        await phone.write(text)
    replies = await eventually(phone.replies, lambda found: len(found) > before)
    assert len(replies) == before + 1
    assert "295" in replies[-1]


async def test_ticks_turn_blue_on_both_sides(product: Product, api: httpx.AsyncClient) -> None:
    phone = await new_phone(product, "Harbour", name="Looks at ticks")
    await phone.ask("When are you open on Saturday?")
    inbound = next(each for each in await phone.chat() if each["direction"] == "inbound")
    assert inbound["status"] == "read"
    path = await conversation_of(api, phone)

    async def statuses() -> list[str]:
        items = (await api.get(f"{path}/messages")).raise_for_status().json()["items"]
        return [each["status"] for each in items if each["direction"] == "outbound"]

    await eventually(statuses, lambda found: bool(found) and set(found) <= {"delivered", "read"})


async def test_what_was_said_is_in_the_usage_and_the_roll_up_runs_by_itself(
    product: Product, api: httpx.AsyncClient
) -> None:
    phone = await new_phone(product, "Linden", name="Is counted")
    organization = (await conversation_of(api, phone)).partition("/conversations/")[0]

    async def totals() -> dict[str, Any]:
        answer = (await api.get(f"{organization}/usage")).raise_for_status().json()
        assert sum(each["tokens"]["input"] for each in answer["by_model"]) > 0
        found: dict[str, Any] = answer["totals"]
        return found

    before = await totals()
    await phone.ask("How much is teeth whitening?")
    after = await totals()
    assert after["messages"]["inbound"] == before["messages"]["inbound"] + 1
    assert after["messages"]["outbound"] == before["messages"]["outbound"] + 1
    assert after["tokens"]["output"] > before["tokens"]["output"]
    assert after["tokens"]["embedding"] > 0
    assert after["documents"] == 3

    client = await Client.connect(product.temporal_address)

    async def rolled_up() -> int:
        count = await client.count_workflows(
            "WorkflowType = 'RollUpUsage' AND ExecutionStatus = 'Completed'"
        )
        return count.count

    assert await eventually(rolled_up, lambda found: found > 0)


async def test_an_operator_sees_each_step_in_words(
    product: Product, api: httpx.AsyncClient
) -> None:
    phone = await new_phone(product, "Harbour", name="Is watched")
    await phone.ask("When are you open on Saturday?")
    path = await conversation_of(api, phone)
    workflow_id = conversation_workflow_id(*parties_of(path.rpartition("/")[2]))
    client = await Client.connect(product.temporal_address)
    handle = client.get_workflow_handle(workflow_id)
    history = json.loads((await handle.fetch_history()).to_json())
    sealed = [
        event["userMetadata"]["summary"] for event in history["events"] if "userMetadata" in event
    ]
    assert "Saturday" not in json.dumps(history)
    answer = await api.post("/temporal/codec/decode", json={"payloads": sealed})
    summaries = [_decoded(payload) for payload in answer.raise_for_status().json()["payloads"]]
    for step in ("record 1 message", "write the answer to 1 message", "send"):
        assert any(step in summary for summary in summaries), summaries
    ui = f"{product.temporal_ui_url}/namespaces/default/workflows/{quote(workflow_id, safe='')}"
    async with httpx.AsyncClient(trust_env=False) as browser:
        assert (await browser.get(ui)).status_code == httpx.codes.OK


def _decoded(payload: dict[str, Any]) -> str:
    return base64.b64decode(payload["data"]).decode()


async def test_no_message_and_no_number_is_in_the_logs(product: Product) -> None:
    phone = await new_phone(product, "Harbour", name="Wants privacy")
    await phone.ask("When are you open on Saturday, osmanthus?")
    number = next(each for each in await phone.chat() if each["direction"] == "outbound")[
        "recipient"
    ]
    for log in ("api.log", "worker.log"):
        text = (product.data_dir / "logs" / log).read_text()
        assert "osmanthus" not in text
        assert number not in text


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "part", ["worker", "api", "aws", "postgres", "temporal", "model", "simulator"]
)
async def test_whatever_is_killed_every_message_is_answered_once(
    product: Product, part: str
) -> None:
    phone = await new_phone(product, "Linden", name=f"While {part} dies")
    await phone.ask("How much is teeth whitening?")
    before = len(await phone.replies())
    await phone.write("When are you open on Friday?")
    killed = _processes_of(product, part)
    assert killed, f"no process of {part} found"
    for process in killed:
        process.kill()
    replies = await eventually(phone.replies, lambda found: len(found) > before, within=150)
    assert replies[before].count("Friday") or "open" in replies[before].lower()
    answer = await phone.ask("How much is teeth whitening?")
    assert "295" in answer
    assert len(await phone.replies()) == before + 2


def _processes_of(product: Product, part: str) -> list[psutil.Process]:
    words = {
        "worker": ("cli", "worker"),
        "api": ("cli", "api"),
        "aws": ("emulated_aws",),
        "postgres": ("postgres", "-D"),
        "temporal": ("start-dev",),
        "model": ("local.model",),
        "simulator": ("local.simulator",),
    }
    return processes(product, *words[part])


async def test_the_second_start_finds_the_data_of_the_first(
    product: Product, data_dir: Path
) -> None:
    """Last: it stops the product that the other tests talk to."""
    phone = await new_phone(product, "Linden", name="Comes back")
    await phone.ask("How much is teeth whitening?")
    psutil.Process(product.process_id).send_signal(2)
    await asyncio.to_thread(psutil.wait_procs, [psutil.Process(product.process_id)], 40)
    async with running_product(data_dir) as again:
        simulator = httpx.AsyncClient(base_url=again.simulator_url, timeout=10, trust_env=False)
        returned = Phone(simulator, person_id=phone.person_id, number=phone.number)
        before = len(await returned.replies())
        assert before == 3
        assert "295" in await returned.ask("How much is teeth whitening?")
        assert len(await returned.replies()) == before + 1
