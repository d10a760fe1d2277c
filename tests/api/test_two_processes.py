"""What one API process is told is in force in another at once: two applications, one database."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from api.app import create_app
from settings import Settings
from tests.api.conftest import APP_SECRET, Organization, created
from tests.api.test_webhooks import deliver, to
from tests.domain.test_webhook_delivery import text

AT_ONCE_SECONDS = 3.0
"""An announcement takes milliseconds on an idle machine; a memory is believed for 30 s and more."""


@pytest.fixture(scope="module")
async def other(settings: Settings, app: object) -> AsyncIterator[httpx.AsyncClient]:  # noqa: ARG001 - migrates
    """A client without a key of a second process."""
    application = create_app(settings)
    async with (
        application.router.lifespan_context(application),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(application), base_url="http://parley.test"
        ) as client,
    ):
        yield client


@pytest.fixture
async def channel(ours: Organization) -> dict[str, Any]:
    """A channel on the platform's app that the bot does not answer."""
    return await created(
        ours.admin,
        f"{ours.path}/channels",
        phone_number_id=str(uuid4().int)[:15],
        waba_id="1",
        display_phone_number="+15550001111",
        access_token="token",
    )


async def at_once(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(AT_ONCE_SECONDS):
        while not await condition():  # noqa: ASYNC110 - what is waited for is behind HTTP
            await asyncio.sleep(0.005)


def door(client: httpx.AsyncClient, channel: dict[str, Any]) -> Callable[[str], Awaitable[int]]:
    """Asks the channel's own webhook for its status when a delivery is signed with a secret."""

    async def knock(secret: str) -> int:
        path = f"/webhooks/whatsapp/{channel['id']}"
        return (await deliver(client, to(channel, text()), path=path, secret=secret)).status_code

    return knock


async def test_a_rotated_app_secret(
    ours: Organization, other: httpx.AsyncClient, channel: dict[str, Any]
) -> None:
    path = f"{ours.path}/channels/{channel['id']}"
    knock = door(other, channel)
    assert await knock(APP_SECRET) == 200
    for old, new in ((APP_SECRET, "first"), ("first", "second")):
        assert await knock(new) == 401
        changed = await ours.admin.patch(path, json={"app_secret": new})
        assert changed.status_code == 200

        async def taken(secret: str = new) -> bool:
            return await knock(secret) == 200

        await at_once(taken)
        assert await knock(old) == 401


async def test_a_new_verify_token(
    ours: Organization, other: httpx.AsyncClient, channel: dict[str, Any]
) -> None:
    path = f"{ours.path}/channels/{channel['id']}"

    async def accepted(token: str) -> bool:
        query = {"hub.mode": "subscribe", "hub.verify_token": token, "hub.challenge": "42"}
        answer = await other.get(f"/webhooks/whatsapp/{channel['id']}", params=query)
        return answer.text == "42"

    first = (await ours.admin.post(f"{path}/verify-token")).json()["verify_token"]
    await at_once(lambda: accepted(first))
    second = (await ours.admin.post(f"{path}/verify-token")).json()["verify_token"]
    await at_once(lambda: accepted(second))
    assert not await accepted(first)


async def test_a_removed_channel(
    ours: Organization, other: httpx.AsyncClient, channel: dict[str, Any]
) -> None:
    knock = door(other, channel)
    assert await knock(APP_SECRET) == 200
    removed = await ours.admin.delete(f"{ours.path}/channels/{channel['id']}")
    assert removed.status_code == 204

    async def gone() -> bool:
        return await knock(APP_SECRET) == 404

    await at_once(gone)


async def test_a_revoked_key(ours: Organization, other: httpx.AsyncClient) -> None:
    key = await created(ours.admin, f"{ours.path}/api-keys", name="leaked", role="viewer")
    headers = {"Authorization": f"Bearer {key['secret']}"}

    async def status() -> int:
        return (await other.get(f"{ours.path}/channels", headers=headers)).status_code

    assert await status() == 200
    revoked = await ours.admin.delete(f"{ours.path}/api-keys/{key['id']}")
    assert revoked.status_code == 204

    async def refused() -> bool:
        return await status() == 401

    await at_once(refused)
