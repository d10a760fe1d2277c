"""Two administrators don't overwrite each other."""

import asyncio
import secrets
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import select, text
from sqlmodel import SQLModel

from api.app import create_app
from api.services import Services
from contracts.ids import OrganizationId
from settings import Settings
from tests.api.conftest import Organization, check_problem, created


class Changeable(NamedTuple):
    """Something that two may change at a time."""

    body: dict[str, Any]
    change: dict[str, Any]


RESOURCES: dict[str, Changeable] = {
    "assistants": Changeable({"name": "Ada"}, {"name": "Eve"}),
    "knowledge-bases": Changeable({"name": "Menu"}, {"description": "Dishes"}),
    "channels": Changeable(
        {"waba_id": "1", "display_phone_number": "+1 555 000", "access_token": "t"},
        {"access_token": "another"},
    ),
    "api-keys": Changeable({"name": "Key", "role": "viewer"}, {"name": "Other"}),
    "documents": Changeable({"title": "Hours", "text": "Open"}, {"title": "Opening hours"}),
}


async def make(ours: Organization, resource: str) -> httpx.Response:
    collection = f"{ours.path}/{resource}"
    body = dict(RESOURCES[resource].body)
    if resource == "channels":
        body["phone_number_id"] = str(secrets.randbelow(10**15))
    if resource == "documents":
        base = await created(ours.admin, f"{ours.path}/knowledge-bases", name="Menu")
        collection = f"{ours.path}/knowledge-bases/{base['id']}/documents"
    response = await ours.admin.post(collection, json=body)
    assert response.status_code in (201, 202), response.text
    response.extensions["path"] = f"{collection}/{response.json()['id']}"
    return response


@pytest.mark.parametrize("resource", sorted(RESOURCES))
async def test_a_change_needs_the_version_that_was_seen(ours: Organization, resource: str) -> None:
    made = await make(ours, resource)
    path, change = made.extensions["path"], RESOURCES[resource].change
    seen = made.headers["etag"]
    assert seen == f'"{made.json()["revision"]}"'
    assert (await ours.admin.get(path)).headers["etag"] == seen

    first = await ours.admin.patch(path, json=change, headers={"If-Match": seen})
    assert first.status_code == 200, first.text
    newer = first.headers["etag"]
    assert newer != seen
    assert first.json()["revision"] == made.json()["revision"] + 1

    late = await ours.admin.patch(path, json=change, headers={"If-Match": seen})
    problem = check_problem(late, 412)
    assert problem["type"].endswith("precondition-failed")
    assert "Get it again" in problem["detail"]
    check_problem(await ours.admin.delete(path, headers={"If-Match": seen}), 412)
    assert (await ours.admin.get(path)).headers["etag"] == newer

    gone = await ours.admin.delete(path, headers={"If-Match": f'"7", {newer}'})
    assert gone.status_code == 204, gone.text


async def test_an_organization_is_changed_as_it_was_seen(ours: Organization) -> None:
    seen = (await ours.admin.get(ours.path)).headers["etag"]
    changed = await ours.admin.patch(ours.path, json={"name": "A"}, headers={"If-Match": seen})
    assert changed.status_code == 200
    late = await ours.admin.patch(ours.path, json={"name": "B"}, headers={"If-Match": seen})
    check_problem(late, 412)
    assert (await ours.admin.get(ours.path)).json()["name"] == "A"


async def test_without_if_match_or_with_a_star_any_version_is_changed(ours: Organization) -> None:
    path = (await make(ours, "assistants")).extensions["path"]
    assert (await ours.admin.patch(path, json={"name": "A"})).status_code == 200
    starred = await ours.admin.patch(path, json={"name": "B"}, headers={"If-Match": "*"})
    assert starred.status_code == 200


@pytest.mark.parametrize("tags", ['W/"1"', '"2"', '"", "01"', 'W/"1", "3"', '"1 "'])
async def test_what_is_not_the_strong_tag_does_not_match(ours: Organization, tags: str) -> None:
    path = (await make(ours, "assistants")).extensions["path"]
    response = await ours.admin.patch(path, json={"name": "A"}, headers={"If-Match": tags})
    check_problem(response, 412 if tags != '"1 "' else 422)


@pytest.mark.parametrize("tags", ['"1"', ' "1" ', '"0","1"', '"9" ,\t"1"', '"1",'])
async def test_the_tag_matches_wherever_it_stands(ours: Organization, tags: str) -> None:
    path = (await make(ours, "assistants")).extensions["path"]
    response = await ours.admin.patch(path, json={"name": "A"}, headers={"If-Match": tags})
    assert response.status_code == 200, response.text


@pytest.mark.parametrize("tags", ["1", "", '"1', '"1" "2"', '"1", *', "x" * 3000])
async def test_what_is_no_list_of_tags_is_a_problem(ours: Organization, tags: str) -> None:
    path = (await make(ours, "assistants")).extensions["path"]
    response = await ours.admin.patch(path, json={"name": "A"}, headers={"If-Match": tags})
    assert check_problem(response, 422)["errors"][0]["location"] == "header"


@pytest.mark.parametrize("resource", sorted(RESOURCES))
async def test_of_changes_at_once_to_one_version_one_is_made(
    ours: Organization, app: FastAPI, resource: str
) -> None:
    services: Services = app.state.services
    made = await make(ours, resource)
    table = SQLModel.metadata.tables[resource.replace("-", "_")]
    row = select(table.c.id).where(table.c.id == made.json()["id"]).with_for_update()

    async def change() -> int:
        headers = {"If-Match": made.headers["etag"]}
        response = await ours.admin.patch(
            made.extensions["path"], json=RESOURCES[resource].change, headers=headers
        )
        return response.status_code

    async with services.database.tenant(OrganizationId(ours.id)) as session:
        # Whoever has compared before it has the row compares in vain.
        await (await session.connection()).execute(row)
        changes = [asyncio.create_task(change()) for _ in range(3)]
        await until_waiting(services, 3)
    assert sorted(await asyncio.gather(*changes)) == [200, 412, 412]


async def until_waiting(services: Services, sessions: int) -> None:
    """Wait until so many sessions wait for a lock."""
    async with asyncio.timeout(20):
        waiting = 0
        while waiting < sessions:
            await asyncio.sleep(0.02)
            async with services.database.platform() as session:
                counted = await (await session.connection()).execute(
                    text("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted")
                )
                waiting = counted.scalar_one()


async def test_a_change_that_changes_nothing_is_no_new_version(ours: Organization) -> None:
    made = await make(ours, "assistants")
    same = await ours.admin.patch(made.extensions["path"], json={"name": "Ada"})
    assert same.headers["etag"] == made.headers["etag"]


def _changing_operations() -> Iterator[tuple[str, str]]:
    settings = Settings(_env_file=None, parley_secret_keys=[SecretStr("0" * 32)])
    for path, methods in create_app(settings).openapi()["paths"].items():
        for method in methods.keys() & {"patch", "put", "delete"}:
            yield method, path


UNCONDITIONAL: dict[tuple[str, str], str] = {
    (
        "delete",
        "/v1/organizations/{organization_id}/knowledge-bases/{knowledge_base_id}"
        "/unanswered-questions/{question_id}",
    ): "people's questions, counted: whoever deletes one has read it, and more may come any time",
}
"""Operations that change something without a version, with the reason."""


@pytest.mark.parametrize(("method", "path"), sorted(_changing_operations()))
def test_every_change_documents_its_precondition(method: str, path: str) -> None:
    if (method, path) in UNCONDITIONAL:
        return
    settings = Settings(_env_file=None, parley_secret_keys=[SecretStr("0" * 32)])
    operation = create_app(settings).openapi()["paths"][path][method]
    headers = {one["name"] for one in operation["parameters"] if one["in"] == "header"}
    assert "If-Match" in headers
    assert "412" in operation["responses"]
