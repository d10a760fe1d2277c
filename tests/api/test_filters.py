"""Lists show what is asked for, in one order, page by page."""

import secrets
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from adapters.postgres import whatsapp_users
from adapters.postgres.tables import WhatsAppUser
from api.services import Services
from contracts.ids import OrganizationId, PersonId
from tests.api.conftest import Organization, check_problem, created


async def listed(client: httpx.AsyncClient, path: str, **params: str) -> list[dict[str, Any]]:
    response = await client.get(path, params=params)
    assert response.status_code == 200, response.text
    items: list[dict[str, Any]] = response.json()["items"]
    return items


@pytest.mark.parametrize("resource", ["assistants", "knowledge-bases"])
async def test_by_name(ours: Organization, resource: str) -> None:
    path = f"{ours.path}/{resource}"
    names = ["Ada", "Eve", "Ada", "ada", "Ada%"]
    made = [(await created(ours.admin, path, name=name))["id"] for name in names]
    found = await listed(ours.viewer, path, name="Ada")
    assert [one["id"] for one in found] == [made[2], made[0]]
    assert await listed(ours.viewer, path, name="Nobody") == []
    check_problem(await ours.viewer.get(path, params={"name": "x" * 201}), 422)


async def test_organizations_by_name(platform: httpx.AsyncClient, ours: Organization) -> None:
    name = secrets.token_hex(8)
    made = await created(platform, "/v1/organizations", name=name)
    found = await listed(platform, "/v1/organizations", name=name)
    assert [one["id"] for one in found] == [made["id"]]
    assert await listed(ours.viewer, "/v1/organizations", name=name) == []


async def test_api_keys_by_role_and_end(ours: Organization) -> None:
    path = f"{ours.path}/api-keys"
    made = await created(ours.admin, path, name="Second viewer", role="viewer")
    assert (await ours.admin.delete(f"{path}/{made['id']}")).status_code == 204
    viewers = await listed(ours.admin, path, role="viewer")
    assert {one["name"] for one in viewers} == {"Second viewer", "viewer"}
    assert [one["id"] for one in await listed(ours.admin, path, revoked="true")] == [made["id"]]
    current = await listed(ours.admin, path, role="viewer", revoked="false")
    assert [one["name"] for one in current] == ["viewer"]
    check_problem(await ours.admin.get(path, params={"role": "king"}), 422)


async def test_channels_by_what_they_connect(ours: Organization) -> None:
    assistant = await created(ours.admin, f"{ours.path}/assistants", name="Ada")
    path = f"{ours.path}/channels"
    made = [
        await created(
            ours.admin,
            path,
            phone_number_id=str(secrets.randbelow(10**15)),
            waba_id=waba,
            display_phone_number="+1 555 000",
            access_token="t",
            assistant_id=answering,
        )
        for waba, answering in (("1", assistant["id"]), ("2", None), ("2", assistant["id"]))
    ]

    async def ids(**params: str) -> list[int]:
        order = [one["id"] for one in made]
        return [order.index(one["id"]) for one in await listed(ours.viewer, path, **params)]

    assert await ids(assistant_id=assistant["id"]) == [2, 0]
    assert await ids(waba_id="2") == [2, 1]
    assert await ids(waba_id="2", assistant_id=assistant["id"]) == [2]
    assert await ids(phone_number_id=made[1]["phone_number_id"]) == [1]


async def test_documents_by_title(ours: Organization) -> None:
    base = await created(ours.admin, f"{ours.path}/knowledge-bases", name="Menu")
    path = f"{ours.path}/knowledge-bases/{base['id']}/documents"
    for title in ("Hours", "Prices"):
        await created(ours.admin, path, status=202, title=title, text=title)
    assert [one["title"] for one in await listed(ours.viewer, path, title="Hours")] == ["Hours"]


async def test_people_by_who_they_are(ours: Organization, app: FastAPI) -> None:
    services: Services = app.state.services
    async with services.database.tenant(OrganizationId(ours.id)) as session:
        for number in range(3):
            await whatsapp_users.remember(
                session,
                PersonId(f"wau_{ours.id[-25:]}{number}"),
                organization_id=OrganizationId(ours.id),
                wa_id=f"3460000000{number}",
                user_id=f"US.{number}",
                username="ada" if number else None,
            )
        person = await whatsapp_users.get(session, f"wau_{ours.id[-25:]}2", lock=True)
        assert isinstance(person, WhatsAppUser)
        person.opted_out_at = person.created_at
    path = f"{ours.path}/whatsapp-users"

    async def ids(**params: str) -> list[int]:
        return sorted(int(one["id"][-1]) for one in await listed(ours.viewer, path, **params))

    assert await ids(wa_id="34600000001") == [1]
    assert await ids(user_id="US.0") == [0]
    assert await ids(username="ada") == [1, 2]
    assert await ids(opted_out="true") == [2]
    assert await ids(opted_out="false") == [0, 1]
    assert await ids(username="ada", opted_out="false") == [1]


async def test_a_filtered_list_is_read_in_pages(ours: Organization) -> None:
    path = f"{ours.path}/assistants"
    wanted = []
    for number in range(5):
        wanted.append((await created(ours.admin, path, name="Ada"))["id"])
        await created(ours.admin, path, name=f"Other {number}")
    seen: list[str] = []
    params = {"name": "Ada", "limit": "2"}
    while True:
        page = (await ours.viewer.get(path, params=params)).json()
        seen += [one["id"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        params["cursor"] = page["next_cursor"]
        await created(ours.admin, path, name="Ada")
    assert seen == wanted[::-1]
