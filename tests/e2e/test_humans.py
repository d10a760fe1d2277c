"""Humans and the assistant in one conversation, through the REST API and the phone."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.product import Product, running_product
from tests.e2e.phone import conversation_of, eventually, new_phone
from tests.servers import make_directory


@pytest.fixture(scope="module")
async def product() -> AsyncIterator[Product]:
    data_dir: Path = make_directory() / "data"
    async with running_product(data_dir) as running:
        yield running


@pytest.fixture(scope="module")
async def api(product: Product) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {product.admin_key}"}
    async with httpx.AsyncClient(
        base_url=product.api_url, headers=headers, timeout=20, trust_env=False
    ) as client:
        yield client


async def said(api: httpx.AsyncClient, path: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (
        (await api.get(f"{path}/messages")).raise_for_status().json()["items"]
    )
    return items[::-1]


async def test_an_operator_takes_over_writes_and_hands_back(
    product: Product, api: httpx.AsyncClient
) -> None:
    phone = await new_phone(product, "Harbour", name="Wants a person")
    assert "10:00" in await phone.ask("When are you open on Saturday?")
    path = await conversation_of(api, phone)
    taken = (await api.post(f"{path}/takeover")).raise_for_status().json()
    assert taken["status"] == "human"
    assert taken["handoff"]["reason"] == "operator"
    assert taken["handoff"]["waiting_since"] is None
    answered = len(await phone.replies())
    await phone.write("And on Sunday?")

    async def transcript() -> list[str]:
        return [each["text"] for each in await said(api, path)]

    await eventually(transcript, lambda texts: texts[-1] == "And on Sunday?")
    posted = await api.post(f"{path}/messages", json={"text": "We are closed, sorry. Ana"})
    assert posted.status_code == 201
    assert posted.json()["sender"] == "operator"
    replies = await eventually(phone.replies, lambda found: len(found) > answered)
    assert replies[answered:] == ["We are closed, sorry. Ana"]
    released = (await api.post(f"{path}/release")).raise_for_status().json()
    assert released["status"] == "bot"
    assert released["handoff"] is None
    assert "19" in await phone.ask("How much is a puncture repair for a city bike?")


async def test_a_closed_conversation_opens_with_the_next_message(
    product: Product, api: httpx.AsyncClient
) -> None:
    phone = await new_phone(product, "Linden", name="Comes back")
    await phone.ask("How much is teeth whitening?")
    path = await conversation_of(api, phone)
    assert (await api.post(f"{path}/close")).raise_for_status().json()["status"] == "closed"
    assert (await api.post(f"{path}/close")).raise_for_status().json()["status"] == "closed"
    assert (await api.post(f"{path}/release")).raise_for_status().json()["status"] == "closed"
    assert "295" in await phone.ask("How much is teeth whitening, again?")
    assert (await api.get(path)).json()["status"] == "bot"
    # A closed conversation can be taken over, too: the person wrote a moment ago.
    await api.post(f"{path}/close")
    assert (await api.post(f"{path}/takeover")).raise_for_status().json()["status"] == "human"


async def test_an_operators_request_that_is_repeated_sends_once(
    product: Product, api: httpx.AsyncClient
) -> None:
    phone = await new_phone(product, "Linden", name="Hears it once")
    await phone.ask("How much is teeth whitening?")
    path = await conversation_of(api, phone)
    headers = {"Idempotency-Key": "once-please"}
    answers = [
        (await api.post(f"{path}/messages", json={"text": "Once"}, headers=headers)).json()
        for _ in range(3)
    ]
    assert len({answer["id"] for answer in answers}) == 1
    await eventually(phone.replies, lambda found: "Once" in found)
    await api.post(f"{path}/release")
    assert "295" in await phone.ask("How much is teeth whitening, again?")
    assert (await phone.replies()).count("Once") == 1
