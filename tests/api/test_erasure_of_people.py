"""Erasing a person: nobody finds them from then on, and whoever writes next is somebody new."""

import asyncio

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlmodel import col, select
from ulid import ULID

from adapters.dynamodb.dead_letters import DeadLetters
from adapters.postgres.configuration_listener import (
    CONFIGURATION_CHANNEL,
    ConfigurationChange,
    ConfigurationListener,
)
from adapters.postgres.tables import AuditEntry
from api.app import create_app
from api.services import Services
from settings import Settings
from tests.api.conftest import Organization, check_problem
from tests.api.erasure_world import (
    Filled,
    a_number,
    eraser,
    fill,
    finished,
    open_status,
    remembered,
    traces,
    workflow_of,
    write,
)
from tests.api.test_webhooks import signals

STEPS = (
    "begin_erasure", "end_workflows", "erase_histories", "erase_files", "erase_items",
    "erase_rows", "finish_erasure",
)  # fmt: skip


@pytest.fixture
def services(app: FastAPI) -> Services:
    found: Services = app.state.services
    return found


@pytest.fixture
async def filled(ours: Organization, stranger: httpx.AsyncClient, services: Services) -> Filled:
    return await fill(ours, stranger, services)


async def people_who_wrote(services: Services, filled: Filled, *, conversations: int) -> set[str]:
    listed = await signals(services, filled.channel, conversations=conversations)
    return {workflow_id.rsplit("/", 1)[-1] for workflow_id in listed}


async def hears_of_erasures(services: Services) -> None:
    """Return when what has been announced so far has reached every listener of the database."""
    heard = asyncio.Event()
    listener = ConfigurationListener(services.database, subscriber=lambda _change: heard.set())
    async with listener:
        heard.clear()
        async with services.database.platform() as session:
            connection = await session.connection()
            empty = ConfigurationChange(table="", id="").model_dump_json()
            await connection.execute(
                text("SELECT pg_notify(:channel, :change)"),
                {"channel": CONFIGURATION_CHANNEL, "change": empty},
            )
        await asyncio.wait_for(heard.wait(), 10)


@pytest.mark.parametrize(
    "dies",
    [(), tuple(f"{when} {step}" for step in STEPS for when in ("before", "after"))],
    ids=["undisturbed", "every step dies before and after its work"],
)
async def test_a_person_is_gone_everywhere_and_the_others_are_as_they_were(
    ours: Organization,
    stranger: httpx.AsyncClient,
    services: Services,
    settings: Settings,
    dies: tuple[str, ...],
) -> None:
    filled = await fill(ours, stranger, services)
    gone, other = filled.conversations
    (path, others_path) = (
        f"{ours.path}/whatsapp-users/{ref.person_id}" for ref in filled.conversations
    )
    number, wamid = a_number(), f"wamid.{ULID()}"
    await write(filled, stranger, {"from": number, "from_user_id": filled.user_ids[gone.person_id]})
    letters = DeadLetters(services.table)
    about = await letters.park(filled.tenant, reason="r", raw=f'{{"wa_id":"{number}"}}'.encode())
    await open_status(services, filled.tenant, wamid=wamid)
    others = await traces(other.person_id, services)
    names = [number, *filled.numbers[gone.person_id], filled.user_ids[gone.person_id]]
    for name in (gone.person_id, *names):
        assert await traces(name, services)

    answer = await ours.admin.delete(path)
    check_problem(await ours.viewer.get(path), 404)
    async with eraser(settings, dies=dies) as deaths_left:
        erasure = await finished(ours.admin, answer.headers["Location"])

    assert not deaths_left
    # Conversations are named by what follows the prefix.
    for name in (gone.person_id, gone.person_id.removeprefix("wau_"), *names, about):
        assert await traces(name, services) == []
    ended = workflow_of(gone.conversation_id)
    left = [
        each
        for each in filled.workflows
        if each != ended and not each.endswith(gone.conversation_id)
    ]
    assert len(left) == len(filled.workflows) - 2
    assert await remembered(filled.workflows, services) == left
    assert erasure["kind"] == "whatsapp_user"
    assert erasure["subject_id"] == gone.person_id
    counted = {kind: erasure["removed"].get(kind) for kind in ("conversations", "messages")}
    assert counted == {"conversations": 1, "messages": 3}
    # The one that had ended, the next, and the deliveries of what happened in it.
    assert erasure["removed"]["workflows"] == 3
    assert erasure["removed"]["dead_letters"] == 1
    assert erasure["removed"]["files"] == 1  # the same picture as the other one's
    check_problem(await ours.admin.delete(path), 404)
    assert await traces(other.person_id, services) == others
    assert (await ours.viewer.get(others_path)).status_code == 200


async def test_whoever_writes_next_is_somebody_new_in_every_process(
    filled: Filled, stranger: httpx.AsyncClient, services: Services, settings: Settings
) -> None:
    ref = filled.conversations[0]
    sender = {"from": a_number(), "from_user_id": filled.user_ids[ref.person_id]}
    known = {one.person_id for one in filled.conversations}
    other_process = create_app(settings)
    async with (
        other_process.router.lifespan_context(other_process),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(other_process), base_url="http://other.test"
        ) as other_door,
    ):
        for door in (stranger, other_door):  # both know the person by now
            await write(filled, door, sender)
        assert await people_who_wrote(services, filled, conversations=2) == known

        path = f"{filled.organization.path}/whatsapp-users/{ref.person_id}"
        assert (await filled.organization.admin.delete(path)).status_code == 202
        await write(filled, stranger, sender, "hello again")
        await hears_of_erasures(services)
        await write(filled, other_door, sender, "hello from the other door")
        now = await people_who_wrote(services, filled, conversations=3)
    assert len(now - known) == 1
    assert now > known


async def test_asking_again_answers_the_same_erasure(
    filled: Filled, ours: Organization, platform: httpx.AsyncClient
) -> None:
    path = f"{ours.path}/whatsapp-users/{filled.conversations[0].person_id}"
    first = await ours.admin.delete(path)
    assert first.status_code == 202, first.text
    assert (await platform.delete(path)).json() == first.json()
    log = (await ours.viewer.get(f"{ours.path}/whatsapp-users")).json()["items"]
    assert [one["id"] for one in log] == [filled.conversations[1].person_id]


async def test_a_number_that_has_a_new_owner_stays_theirs(
    filled: Filled, ours: Organization, stranger: httpx.AsyncClient, services: Services,
    settings: Settings,
) -> None:  # fmt: skip
    before = filled.conversations[0].person_id
    number = filled.numbers[before][-1]
    await write(filled, stranger, {"from": number, "from_user_id": f"ES.{ULID()}"})
    (heir,) = await people_who_wrote(services, filled, conversations=3) - {
        one.person_id for one in filled.conversations
    }
    answer = await ours.admin.delete(f"{ours.path}/whatsapp-users/{before}")
    async with eraser(settings):
        await finished(ours.admin, answer.headers["Location"])
    assert await traces(before, services) == []
    await write(filled, stranger, {"from": number})
    assert heir in await people_who_wrote(services, filled, conversations=2)
    assert await traces(number, services)


async def test_a_person_of_others_is_not_erased(
    filled: Filled, ours: Organization, theirs: Organization
) -> None:
    person = filled.conversations[0].person_id
    check_problem(await theirs.admin.delete(f"{theirs.path}/whatsapp-users/{person}"), 404)
    check_problem(await ours.operator.delete(f"{ours.path}/whatsapp-users/{person}"), 403)
    assert (await ours.viewer.get(f"{ours.path}/whatsapp-users/{person}")).status_code == 200


async def test_the_audit_log_names_the_person_by_id_alone(
    filled: Filled, ours: Organization, services: Services
) -> None:
    person = filled.conversations[0].person_id
    path = f"{ours.path}/whatsapp-users/{person}"
    change = {"name": "Osmanthus", "attributes": {"tier": "gold"}, "opted_out": True}
    assert (await ours.operator.patch(path, json=change)).status_code == 200
    assert (await ours.admin.delete(path)).status_code == 202
    async with services.database.tenant(filled.tenant) as session:
        query = select(AuditEntry).where(AuditEntry.resource_id == person)
        entries = list((await session.exec(query.order_by(col(AuditEntry.created_at)))).all())
    assert [entry.action for entry in entries] == ["whatsapp_user.update", "whatsapp_user.delete"]
    assert entries[0].after == {
        "name": "changed", "attributes": "changed", "opted_out_at": "changed",
    }  # fmt: skip
    assert entries[1].before is entries[1].after is None
