"""One organisation's key finds nothing of another's, on any route of the OpenAPI document."""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from api.app import create_app
from settings import Settings
from tests.api.conftest import Organization, check_problem, created, make_organization


class Operation(NamedTuple):
    method: str
    path: str


def _operations() -> Iterator[Operation]:
    """Every operation below an organisation."""
    settings = Settings(_env_file=None, parley_secret_keys=[SecretStr("0" * 32)])
    for path, methods in create_app(settings).openapi()["paths"].items():
        if "{organization_id}" in path:
            for method in methods:
                yield Operation(method, path)


OPERATIONS = sorted(_operations())


class Populated(NamedTuple):
    organization: Organization
    ids: dict[str, str]


async def _populate(organization: Organization) -> Populated:
    admin, path = organization.admin, organization.path
    assistant = await created(admin, f"{path}/assistants", name="Private assistant")
    knowledge_base = await created(admin, f"{path}/knowledge-bases", name="Private knowledge")
    channel = await created(
        admin,
        f"{path}/channels",
        phone_number_id=_number(organization.id),
        waba_id="1",
        display_phone_number="+1 555 000",
        access_token="private token",
    )
    key = await created(admin, f"{path}/api-keys", name="Private key", role="viewer")
    document = await created(
        admin,
        f"{path}/knowledge-bases/{knowledge_base['id']}/documents",
        status=202,
        title="Private document",
        text="Private text",
    )
    return Populated(
        organization,
        {
            "organization_id": organization.id,
            "assistant_id": assistant["id"],
            "knowledge_base_id": knowledge_base["id"],
            "channel_id": channel["id"],
            "api_key_id": key["id"],
            "document_id": document["id"],
            "whatsapp_user_id": "wau_" + "0" * 26,
            "conversation_id": "conv_" + "0" * 52,
        },
    )


def _number(organization_id: str) -> str:
    return str(int.from_bytes(organization_id[-12:].encode(), "big"))[:30]


@pytest.fixture(scope="module")
async def private(
    platform: httpx.AsyncClient, connect: Callable[[str | None], httpx.AsyncClient]
) -> Populated:
    """An organisation that nobody else may find anything of."""
    return await _populate(await make_organization(platform, connect, name="Private company"))


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: f"{o.method} {o.path}")
@pytest.mark.parametrize("as_ours", [False, True], ids=["their path", "our path, their ids"])
async def test_nothing_of_theirs_is_found(
    ours: Organization, private: Populated, operation: Operation, as_ours: bool
) -> None:
    theirs = private.organization
    ids = private.ids | ({"organization_id": ours.id} if as_ours else {})
    path = re.sub(r"\{(\w+)\}", lambda match: ids[match[1]], operation.path)
    response = await ours.admin.request(operation.method, path, json={"name": "Taken over"})

    names_one_of_theirs = not as_ours or operation.path.count("{") > 1
    if names_one_of_theirs:
        assert response.status_code in (404, 422), response.text
        if not as_ours:
            check_problem(response, 404)
    for identifier in set(private.ids.values()) - {ids["organization_id"]}:
        if identifier not in path:
            assert identifier not in response.text
    assert "Private" not in response.text
    unchanged = await theirs.admin.get(f"{theirs.path}/assistants/{private.ids['assistant_id']}")
    assert unchanged.json()["name"] == "Private assistant"


async def test_references_to_their_objects_are_refused(
    ours: Organization, private: Populated
) -> None:
    response = await ours.admin.post(
        f"{ours.path}/assistants",
        json={"name": "Reader", "knowledge_base_ids": [private.ids["knowledge_base_id"]]},
    )
    assert check_problem(response, 422)["errors"][0]["field"] == "knowledge_base_ids"
    response = await ours.admin.post(
        f"{ours.path}/channels",
        json={
            "phone_number_id": _number(ours.id),
            "waba_id": "1",
            "display_phone_number": "+1 555 000",
            "access_token": "t",
            "assistant_id": private.ids["assistant_id"],
        },
    )
    assert check_problem(response, 422)["errors"][0]["field"] == "assistant_id"


async def test_the_platform_asks_for_an_organization_that_exists(
    platform: httpx.AsyncClient, app: FastAPI
) -> None:
    assert app.state.services
    check_problem(await platform.get("/v1/organizations/org_none/assistants"), 404)
