"""Who gets in, and how far."""

from collections.abc import Callable

import httpx
import pytest

from tests.api.conftest import Organization, check_problem, created


@pytest.mark.parametrize(
    "header",
    [None, "Bearer", "Bearer ", "Bearer unknown", "Basic dXNlcjpwYXNz", "Bearer pk_live_\xff"],
)
async def test_without_a_valid_key_nobody_gets_in(
    stranger: httpx.AsyncClient, header: str | None
) -> None:
    headers = {} if header is None else {b"Authorization": header.encode("latin-1")}
    response = await stranger.get("/v1/organizations", headers=headers)
    check_problem(response, 401)
    assert response.headers["www-authenticate"] == "Bearer"


async def test_a_revoked_key_ends_at_once(
    ours: Organization, connect: Callable[[str | None], httpx.AsyncClient]
) -> None:
    key = await created(ours.admin, f"{ours.path}/api-keys", name="Short", role="viewer")
    client = connect(key["secret"])
    assert (await client.get(ours.path)).status_code == 200
    assert (await ours.admin.delete(f"{ours.path}/api-keys/{key['id']}")).status_code == 204
    check_problem(await client.get(ours.path), 401)
    listed = (await ours.admin.get(f"{ours.path}/api-keys/{key['id']}")).json()
    assert listed["revoked_at"] is not None


async def test_a_secret_is_shown_once(ours: Organization) -> None:
    key = await created(ours.admin, f"{ours.path}/api-keys", name="Once", role="viewer")
    assert key["secret"].startswith(key["prefix"])
    shown = await ours.admin.get(f"{ours.path}/api-keys")
    assert key["secret"] not in shown.text
    assert "secret_hash" not in shown.text


@pytest.mark.parametrize("role", ["operator", "viewer"])
async def test_lower_roles_read_and_do_not_write(ours: Organization, role: str) -> None:
    client: httpx.AsyncClient = getattr(ours, role)
    assert (await client.get(f"{ours.path}/assistants")).status_code == 200
    refused = await client.post(f"{ours.path}/assistants", json={"name": "No"})
    assert "admin" in check_problem(refused, 403)["detail"]


async def test_an_admin_makes_no_platform_key_and_no_organization(ours: Organization) -> None:
    response = await ours.admin.post(
        f"{ours.path}/api-keys", json={"name": "Up", "role": "platform_admin"}
    )
    check_problem(response, 422)
    check_problem(await ours.admin.post("/v1/organizations", json={"name": "More"}), 403)
    check_problem(await ours.admin.delete(ours.path), 403)
    check_problem(await ours.admin.patch(ours.path, json={"quotas": {"messages": 9}}), 422)


async def test_a_deleted_organization_takes_its_keys_along(
    ours: Organization, platform: httpx.AsyncClient
) -> None:
    assert (await ours.viewer.get(ours.path)).status_code == 200
    assert (await platform.delete(ours.path)).status_code == 202
    check_problem(await platform.get(ours.path), 404)
    # Its announcement reaches the process within moments; until then the answer is 404.
    assert (await ours.viewer.get(ours.path)).status_code in (401, 404)
