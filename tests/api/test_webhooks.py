"""Meta's deliveries at the door: what is acknowledged is durable, what is not is told."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from adapters.dynamodb.dead_letters import DeadLetters
from api.app import create_app
from api.services import Services
from contracts.ids import OrganizationId
from domain.webhook.delivery import EchoReceived, MessageReceived, read_delivery
from domain.webhook.signature import sign
from local.ports import free_port
from settings import Settings
from tests.api.conftest import APP_SECRET, VERIFY_TOKEN, Organization, check_problem, created
from tests.domain.test_webhook_delivery import NOW, delivery, text

WEBHOOK = "/webhooks/whatsapp"
FIXTURES = sorted((Path(__file__).parents[3] / "shared/whatsapp/fixtures").glob("*/inbound/*.json"))


async def deliver(
    client: httpx.AsyncClient,
    body: bytes,
    *,
    path: str = WEBHOOK,
    secret: str = APP_SECRET,
    **headers: str,
) -> httpx.Response:
    return await client.post(
        path, content=body, headers={"X-Hub-Signature-256": sign(body, secret), **headers}
    )


@pytest.fixture
async def channel(ours: Organization) -> dict[str, Any]:
    return await make_channel(ours)


async def make_channel(organization: Organization, **fields: Any) -> dict[str, Any]:
    assistant = await created(
        organization.admin, f"{organization.path}/assistants", name="Ada", debounce_seconds=0
    )
    return await created(
        organization.admin,
        f"{organization.path}/channels",
        **{
            "phone_number_id": str(uuid4().int)[:15],
            "waba_id": "1",
            "display_phone_number": "+15550001111",
            "access_token": "token",
            "assistant_id": assistant["id"],
            **fields,
        },
    )


def to(channel: dict[str, Any], *messages: dict[str, Any], **value: Any) -> bytes:
    number = {"display_phone_number": "1555", "phone_number_id": channel["phone_number_id"]}
    return delivery(*messages, metadata=number, **value)


@pytest.fixture
def services(app: FastAPI) -> Services:
    found: Services = app.state.services
    return found


async def signals(
    services: Services, channel: dict[str, Any], *, conversations: int = 0
) -> Counter[str]:
    """Conversations of the channel by workflow id, with the signals in each one's history.

    Temporal lists a workflow a moment after it has started: waits until there are so many.
    """
    query = f"ChannelId = '{channel['id']}'"
    listed: list[str] = []
    async with asyncio.timeout(20):
        while True:
            listed = [found.id async for found in services.temporal.list_workflows(query)]
            if len(listed) >= conversations:
                break
            await asyncio.sleep(0.05)
    counted: Counter[str] = Counter()
    for workflow_id in listed:
        history = await services.temporal.get_workflow_handle(workflow_id).fetch_history()
        counted[workflow_id] = sum(
            event.HasField("workflow_execution_signaled_event_attributes")
            for event in history.events
        )
    return counted


async def parked(services: Services, organization: str | None = None) -> list[str]:
    """Reasons of what was put aside, newest first."""
    owner = None if organization is None else OrganizationId(organization)
    page = await DeadLetters(services.table).list(owner, limit=20)
    return [letter.reason for letter in page.items]


async def test_a_delivery_is_a_durable_signal_before_it_is_acknowledged(
    stranger: httpx.AsyncClient, channel: dict[str, Any], services: Services
) -> None:
    answer = await deliver(stranger, to(channel, text("hello")))
    assert answer.status_code == 200
    counted = await signals(services, channel, conversations=1)
    assert list(counted.values()) == [1]
    (workflow_id,) = counted
    assert workflow_id.startswith(f"conversation/{channel['id']}/wau_")


async def test_nothing_of_a_message_is_in_clear_in_the_history(
    stranger: httpx.AsyncClient, channel: dict[str, Any], services: Services
) -> None:
    await deliver(stranger, to(channel, text("the secret word is osmanthus")))
    (workflow_id,) = await signals(services, channel, conversations=1)
    handle = services.temporal.get_workflow_handle(workflow_id)
    raw = (await handle.fetch_history()).to_json()
    description = str((await handle.describe()).raw_description)
    for secret in ("osmanthus", "34600111222"):
        assert secret not in raw
        assert secret not in description


async def test_people_have_a_conversation_each_and_a_person_has_one(
    stranger: httpx.AsyncClient, channel: dict[str, Any], services: Services
) -> None:
    ana, ben = {"from": "34600000001"}, {"from": "34600000002"}
    body = to(
        channel,
        text(id="wamid.a1", **ana),
        text(id="wamid.b1", **ben),
        text(id="wamid.a2", from_user_id="ES.1", **ana),
    )
    assert (await deliver(stranger, body)).status_code == 200
    numberless = text(id="wamid.a3", from_user_id="ES.1")
    del numberless["from"]
    assert (await deliver(stranger, to(channel, numberless))).status_code == 200
    counted = await signals(services, channel, conversations=2)
    assert sorted(counted.values()) == [1, 3]


async def test_a_batch_reaches_the_organisation_of_each_number(
    stranger: httpx.AsyncClient, ours: Organization, theirs: Organization, services: Services
) -> None:
    here, there = await make_channel(ours), await make_channel(theirs)
    entries = [
        json.loads(to(each, text(id=f"wamid.{number}")))["entry"][0]
        for number, each in enumerate((here, there, here))
    ]
    body = json.dumps({"object": "whatsapp_business_account", "entry": entries}).encode()
    assert (await deliver(stranger, body)).status_code == 200
    assert list((await signals(services, here, conversations=1)).values()) == [2]
    assert list((await signals(services, there, conversations=1)).values()) == [1]


@pytest.mark.parametrize("header", [None, "sha256=0", sign(b"other bytes", APP_SECRET)])
async def test_an_unsigned_delivery_is_refused(
    stranger: httpx.AsyncClient, channel: dict[str, Any], services: Services, header: str | None
) -> None:
    headers = {} if header is None else {"X-Hub-Signature-256": header}
    answer = await stranger.post(WEBHOOK, content=to(channel, text()), headers=headers)
    problem = check_problem(answer, 401)
    assert APP_SECRET not in answer.text
    assert sign(to(channel, text()), APP_SECRET) not in answer.text
    assert "signature" in problem["type"]
    assert not await signals(services, channel)


async def test_an_app_secret_that_is_being_rotated_out_still_signs(
    stranger: httpx.AsyncClient, channel: dict[str, Any]
) -> None:
    answer = await deliver(stranger, to(channel, text()), secret="the one before")
    assert answer.status_code == 200


async def test_a_signed_body_that_is_no_json_is_refused(stranger: httpx.AsyncClient) -> None:
    check_problem(await deliver(stranger, b'{"object": '), 400)


async def test_a_delivery_beyond_three_megabytes_is_refused(
    stranger: httpx.AsyncClient, channel: dict[str, Any]
) -> None:
    body = to(channel, text("x" * (3 * 1024 * 1024)))
    check_problem(await deliver(stranger, body), 413)


async def test_a_huge_text_within_the_limit_is_taken(
    stranger: httpx.AsyncClient, channel: dict[str, Any], services: Services
) -> None:
    answer = await deliver(stranger, to(channel, text("\u00e9" * 400_000)))
    assert answer.status_code == 200
    assert list((await signals(services, channel, conversations=1)).values()) == [1]


async def test_an_unknown_number_is_parked_with_its_reason(
    stranger: httpx.AsyncClient, services: Services
) -> None:
    body = to({"phone_number_id": "999"}, text(), statuses=[{"id": "w", "status": "sent"}])
    assert (await deliver(stranger, body)).status_code == 200
    reasons = await parked(services)
    assert reasons[:2] == ["no channel has this number"] * 2


async def test_a_poisoned_update_is_parked_and_its_neighbours_go_through(
    stranger: httpx.AsyncClient, channel: dict[str, Any], services: Services
) -> None:
    nameless = text()
    del nameless["id"]
    body = to(channel, nameless, text(id="wamid.ok"))
    assert (await deliver(stranger, body)).status_code == 200
    assert (await parked(services))[0].startswith("a message without id")
    assert list((await signals(services, channel, conversations=1)).values()) == [1]


async def test_a_status_of_an_unknown_message_is_kept_for_later(
    stranger: httpx.AsyncClient, channel: dict[str, Any]
) -> None:
    status = {"id": "wamid.unknown", "status": "delivered", "timestamp": "1772366400"}
    assert (await deliver(stranger, to(channel, statuses=[status]))).status_code == 200


async def test_a_channel_with_its_own_secret_speaks_for_itself_only(
    stranger: httpx.AsyncClient, ours: Organization, theirs: Organization, services: Services
) -> None:
    own = await make_channel(ours, app_secret="a secret of our own app")
    foreign = await make_channel(theirs)
    path = f"{WEBHOOK}/{own['id']}"
    for channel in (own, foreign):
        answer = await deliver(
            stranger, to(channel, text()), path=path, secret="a secret of our own app"
        )
        assert answer.status_code == 200
    assert list((await signals(services, own, conversations=1)).values()) == [1]
    assert not await signals(services, foreign)
    check_problem(await deliver(stranger, to(own, text()), path=path), 401)


async def test_deliveries_to_a_channel_that_does_not_exist(stranger: httpx.AsyncClient) -> None:
    check_problem(await deliver(stranger, b"{}", path=f"{WEBHOOK}/chn_none"), 404)


async def test_the_handshake_echoes_the_challenge(
    stranger: httpx.AsyncClient, ours: Organization
) -> None:
    own = await make_channel(ours, verify_token="our own token")
    for path, token in ((WEBHOOK, VERIFY_TOKEN), (f"{WEBHOOK}/{own['id']}", "our own token")):
        query = {"hub.mode": "subscribe", "hub.verify_token": token, "hub.challenge": "31415"}
        answer = await stranger.get(path, params=query)
        assert (answer.status_code, answer.text) == (200, "31415")
        assert answer.headers["content-type"].startswith("text/plain")
        check_problem(await stranger.get(path, params={**query, "hub.verify_token": "no"}), 403)
        check_problem(await stranger.get(path), 403)


@pytest.fixture
async def without_temporal(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """The application, when nobody answers at Temporal's address."""
    address = f"127.0.0.1:{free_port()}"
    app = create_app(settings.model_copy(update={"temporal_address": address}))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app, raise_app_exceptions=False),
            base_url="http://parley.test",
            timeout=60,
        ) as client,
    ):
        yield client


async def test_what_cannot_be_made_durable_is_to_be_delivered_again(
    without_temporal: httpx.AsyncClient, stranger: httpx.AsyncClient, channel: dict[str, Any]
) -> None:
    body = to(channel, text())
    answer = await deliver(without_temporal, body)
    check_problem(answer, 503)
    assert answer.headers["retry-after"]
    assert (await deliver(stranger, body)).status_code == 200


@pytest.mark.skipif(not FIXTURES, reason="the shared WhatsApp fixtures are not beside the checkout")
async def test_recorded_deliveries_are_taken_with_their_effect(
    stranger: httpx.AsyncClient, ours: Organization, services: Services
) -> None:
    bodies = [path.read_bytes().replace(b"<BUSINESS_PHONE_NUMBER_ID>", b"42") for path in FIXTURES]
    updates = [update for body in bodies for update in read_delivery(body, received_at=NOW)]
    signalling = [
        update for update in updates if isinstance(update, MessageReceived | EchoReceived)
    ]
    channels = [
        await make_channel(ours, phone_number_id=number)
        for number in sorted({update.phone_number_id for update in signalling})
    ]
    for path, body in zip(FIXTURES, bodies, strict=True):
        assert (await deliver(stranger, body)).status_code == 200, path.name
    async with asyncio.timeout(20):
        counted = 0
        while counted != len(signalling):
            each = [await signals(services, channel, conversations=1) for channel in channels]
            counted = sum(sum(conversations.values()) for conversations in each)
    assert not await parked(services, ours.id)
