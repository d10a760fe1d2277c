"""People as operators change them."""

import httpx
import pytest
from fastapi import FastAPI

from tests.api.conftest import Organization, check_problem
from tests.api.test_conversations import write


@pytest.fixture
async def path(ours: Organization, app: FastAPI) -> str:
    written = await write(app, ours, "Hi", wa_id="34600000021")
    return f"{ours.path}/whatsapp-users/{written.ref.person_id}"


async def test_an_operator_names_and_describes_a_person(ours: Organization, path: str) -> None:
    body = {"name": "Eva from the bakery", "attributes": {"tier": "gold", "visits": 3}}
    changed = await ours.operator.patch(path, json=body)
    assert changed.status_code == 200, changed.text
    shown = (await ours.viewer.get(path)).json()
    assert shown == changed.json()
    assert (shown["name"], shown["attributes"]) == (body["name"], body["attributes"])
    assert shown["profile_name"] == "Eva"


async def test_without_a_name_of_the_organisation_the_profiles_counts(
    ours: Organization, path: str
) -> None:
    await ours.operator.patch(path, json={"name": "Eva from the bakery"})
    changed = (await ours.operator.patch(path, json={"name": None})).json()
    assert changed["name"] == changed["profile_name"] == "Eva"


async def test_opting_out_keeps_the_time_of_the_first(ours: Organization, path: str) -> None:
    first = (await ours.operator.patch(path, json={"opted_out": True})).json()["opted_out_at"]
    assert first is not None
    again = (await ours.operator.patch(path, json={"opted_out": True})).json()["opted_out_at"]
    assert again == first
    back = (await ours.operator.patch(path, json={"opted_out": False})).json()["opted_out_at"]
    assert back is None


@pytest.mark.parametrize(
    "body",
    [
        {"name": ""},
        {"attributes": None},
        {"attributes": {"a": "x" * 17_000}},
        {"opted_out": None},
        {"wa_id": "1"},
        {"profile_name": "Ana"},
    ],
    ids=lambda body: next(iter(body)),
)
async def test_what_cannot_be_changed_is_refused(
    ours: Organization, path: str, body: dict[str, object]
) -> None:
    before = (await ours.viewer.get(path)).json()
    check_problem(await ours.operator.patch(path, json=body), 422)
    assert (await ours.viewer.get(path)).json() == before


async def test_nobody_overwrites_what_they_have_not_seen(ours: Organization, path: str) -> None:
    seen = (await ours.viewer.get(path)).headers["ETag"]
    assert (await ours.operator.patch(path, json={"name": "One"})).status_code == 200
    stale = await ours.operator.patch(path, json={"name": "Two"}, headers={"If-Match": seen})
    check_problem(stale, 412)
    assert (await ours.viewer.get(path)).json()["name"] == "One"


async def test_viewers_and_others_change_nobody(
    ours: Organization, theirs: Organization, path: str
) -> None:
    clients: list[tuple[httpx.AsyncClient, int]] = [(ours.viewer, 403), (theirs.admin, 404)]
    for client, status in clients:
        check_problem(await client.patch(path, json={"name": "Mine"}), status)
