"""Deleting an organisation: gone at once for everybody, and then gone from every store."""

import asyncio

import httpx
import pytest
from fastapi import FastAPI
from temporalio.service import RPCError, RPCStatusCode

from api.services import Services
from contracts.ids import erasure_id, erasure_workflow_id
from settings import Settings
from tests.api.conftest import Organization, check_problem
from tests.api.erasure_world import Filled, eraser, fill, finished, remembered, scheduled, traces
from tests.api.test_webhooks import deliver, parked, to
from tests.domain.test_webhook_delivery import text

STEPS = (
    "begin_erasure", "end_workflows", "erase_histories", "erase_files", "erase_vectors",
    "erase_items", "erase_rows", "finish_erasure",
)  # fmt: skip
REMOVED = {
    "api_keys": 3,
    "assistants": 1,
    "channels": 1,
    "conversations": 2,
    "dead_letters": 1,
    "documents": 2,
    "files": 5,  # two documents, a source's text, and a picture of each person
    "knowledge_bases": 2,
    "messages": 6,
    "passages": 3,
    "source_runs": 1,
    "sources": 1,
    "webhook_endpoints": 1,
    "whatsapp_users": 2,
    "workflows": 7,
}


@pytest.fixture
def services(app: FastAPI) -> Services:
    found: Services = app.state.services
    return found


@pytest.fixture
async def filled(ours: Organization, stranger: httpx.AsyncClient, services: Services) -> Filled:
    return await fill(ours, stranger, services)


@pytest.mark.parametrize(
    "dies",
    [(), tuple(f"{when} {step}" for step in STEPS for when in ("before", "after"))],
    ids=["undisturbed", "every step dies before and after its work"],
)
async def test_it_is_gone_everywhere_when_its_erasure_is_finished(
    filled: Filled,
    theirs: Organization,
    stranger: httpx.AsyncClient,
    platform: httpx.AsyncClient,
    services: Services,
    settings: Settings,
    dies: tuple[str, ...],
) -> None:
    other = await fill(theirs, stranger, services)
    of_other = await traces(theirs.id, services)
    before = "\n".join(await traces(filled.tenant, services))
    for store in ("dynamodb", "s3", "postgres", "temporal"):
        assert store in before

    answer = await platform.delete(filled.organization.path)
    async with eraser(settings, dies=dies) as deaths_left:
        erasure = await finished(platform, answer.headers["Location"])

    assert not deaths_left
    assert await traces(filled.tenant, services) == []
    assert await remembered(filled.workflows, services) == []
    assert await scheduled(filled.schedules, services) == []
    counted = {kind: n for kind, n in erasure["removed"].items() if kind in REMOVED}
    assert counted == REMOVED
    assert erasure["finished_at"] > erasure["created_at"]
    check_problem(await platform.delete(filled.organization.path), 404)
    assert await traces(theirs.id, services) == of_other
    assert await remembered(other.workflows, services) == other.workflows
    assert await scheduled(other.schedules, services) == other.schedules


async def test_nobody_finds_it_from_the_answer_on(
    filled: Filled,
    platform: httpx.AsyncClient,
    stranger: httpx.AsyncClient,
    services: Services,
) -> None:
    path = filled.organization.path
    assert (await filled.organization.viewer.get(path)).status_code == 200

    answer = await platform.delete(path)

    assert answer.status_code == 202, answer.text
    erasure = answer.json()
    assert answer.headers["Location"] == f"/v1/erasures/{erasure['id']}"
    assert (erasure["kind"], erasure["status"]) == ("organization", "running")
    assert erasure["organization_id"] == erasure["subject_id"] == filled.tenant
    removed = {"api_keys": 3, "channels": 1, "webhook_endpoints": 1}
    assert (erasure["removed"], erasure["finished_at"]) == (removed, None)
    for way in (path, f"{path}/assistants", f"{path}/conversations"):
        check_problem(await platform.get(way), 404)
    listed = (await platform.get("/v1/organizations", params={"limit": 100})).json()["items"]
    assert filled.tenant not in {one["id"] for one in listed}

    async def refused() -> bool:
        return (await filled.organization.viewer.get(path)).status_code == 401

    async def nobodys() -> bool:
        body = to(filled.channel, text("anybody there?"))
        return (await deliver(stranger, body)).status_code == 200 and (
            "no channel has this number" in await parked(services)
        )

    async with asyncio.timeout(5):
        while not (await refused() and await nobodys()):  # noqa: ASYNC110 - a moment later
            await asyncio.sleep(0.05)


async def test_asking_again_answers_the_same_erasure(
    ours: Organization, platform: httpx.AsyncClient
) -> None:
    first = (await platform.delete(ours.path)).json()
    again = await platform.delete(ours.path)
    assert again.status_code == 202
    assert again.json() == first
    assert (await platform.get(f"/v1/erasures/{first['id']}")).json() == first
    listed = (await platform.get("/v1/erasures", params={"limit": 100})).json()["items"]
    assert [one["id"] for one in listed].count(first["id"]) == 1


async def test_a_request_that_dies_before_it_has_begun_loses_nothing(
    ours: Organization,
    platform: httpx.AsyncClient,
    services: Services,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def dies(_request: object, **_options: object) -> None:
        raise ConnectionResetError

    with monkeypatch.context() as patch:
        patch.setattr(services.erasures, "begin", dies)
        problem = check_problem(await platform.delete(ours.path), 503)
    assert "accepted" in problem["detail"]
    async with eraser(settings):
        location = f"/v1/erasures/{erasure_id(ours.id)}"
        async with asyncio.timeout(30):
            while (await platform.get(location)).status_code == 404:  # noqa: ASYNC110 - a server
                await asyncio.sleep(0.1)
        await finished(platform, location)
    assert await traces(ours.id, services) == []


async def test_without_a_workflow_engine_nothing_changes(
    ours: Organization,
    platform: httpx.AsyncClient,
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def down(*_arguments: object, **_options: object) -> None:
        raise RPCError("down", RPCStatusCode.UNAVAILABLE, b"")

    with monkeypatch.context() as patch:
        patch.setattr(services.temporal, "start_workflow", down)
        check_problem(await platform.delete(ours.path), 503)
    assert (await ours.viewer.get(ours.path)).status_code == 200
    check_problem(await platform.get(f"/v1/erasures/{erasure_id(ours.id)}"), 404)


async def test_an_erasure_whose_workflow_was_ended_by_hand_goes_on_when_asked_again(
    ours: Organization, platform: httpx.AsyncClient, services: Services, settings: Settings
) -> None:
    answer = await platform.delete(ours.path)
    workflow_id = erasure_workflow_id(erasure_id(ours.id))
    await services.temporal.get_workflow_handle(workflow_id).terminate()
    assert (await platform.delete(ours.path)).json() == answer.json()
    async with eraser(settings):
        await finished(platform, answer.headers["Location"])
    assert await traces(ours.id, services) == []


async def test_only_the_platform_may_and_others_are_not_told(
    ours: Organization, theirs: Organization
) -> None:
    check_problem(await ours.admin.delete(ours.path), 403)
    check_problem(await theirs.admin.delete(ours.path), 404)
    check_problem(await ours.admin.delete("/v1/organizations/org_nobody"), 404)


async def test_erasures_are_shown_to_administrators_of_their_organisation(
    ours: Organization,
    theirs: Organization,
    platform: httpx.AsyncClient,
    stranger: httpx.AsyncClient,
    services: Services,
) -> None:
    filled = await fill(ours, stranger, services, people=1)
    person = filled.conversations[0].person_id
    erasure = (await ours.admin.delete(f"{ours.path}/whatsapp-users/{person}")).json()
    path = f"/v1/erasures/{erasure['id']}"
    for client in (ours.admin, platform):
        assert (await client.get(path)).json() == erasure
    assert (await ours.admin.get("/v1/erasures")).json()["items"] == [erasure]
    assert (await theirs.admin.get("/v1/erasures")).json()["items"] == []
    check_problem(await theirs.admin.get(path), 404)
    for low in (ours.operator, ours.viewer):
        check_problem(await low.get(path), 403)
        check_problem(await low.get("/v1/erasures"), 403)
    # What is erased under one name is nothing under another.
    check_problem(await platform.delete(f"/v1/organizations/{person}"), 404)
    other = f"x_{person.partition('_')[2]}"
    check_problem(await ours.admin.delete(f"{ours.path}/whatsapp-users/{other}"), 404)
