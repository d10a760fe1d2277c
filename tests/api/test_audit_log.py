"""Who did what, when: every change leaves an entry, and none of them is ever altered."""

import secrets
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from ulid import ULID

from adapters.postgres import audit_log, unanswered_questions, whatsapp_users
from adapters.postgres.channel_pauses import ChannelPauses
from api.app import create_app
from api.services import Services
from contracts.ids import (
    ApiKeyId,
    ChannelId,
    ConversationId,
    KnowledgeBaseId,
    OrganizationId,
    PersonId,
    QuestionId,
)
from domain.business_events import trial
from domain.unanswered import question_id
from settings import Settings
from tests.adapters.dynamodb.builders import a_conversation, a_record, a_request
from tests.api.conftest import Organization, check_problem, created
from tests.fuzz.desk import staffed_desk

ORGANIZATION = "/v1/organizations/{organization_id}"
WEBHOOK_ENDPOINT = f"{ORGANIZATION}/webhook-endpoints/{{webhook_endpoint_id}}"
KNOWLEDGE_BASE = f"{ORGANIZATION}/knowledge-bases/{{knowledge_base_id}}"


def channel() -> dict[str, Any]:
    return {
        "phone_number_id": str(secrets.randbelow(10**15)),
        "waba_id": "102290129340398",
        "display_phone_number": "+1 555 012 3456",
        "access_token": "EAAG-secret-token",
    }


class Change(NamedTuple):
    """How an operation is made to change something, and what the log then says."""

    action: str
    body: Callable[[], dict[str, Any]] | None = None


CHANGES: dict[tuple[str, str], Change] = {
    ("post", "/v1/organizations"): Change("organization.create", lambda: {"name": "New"}),
    ("patch", ORGANIZATION): Change("organization.update", lambda: {"name": "Other"}),
    ("delete", ORGANIZATION): Change("organization.delete"),
    ("post", f"{ORGANIZATION}/api-keys"): Change(
        "api_key.create", lambda: {"name": "New", "role": "viewer"}
    ),
    ("post", "/v1/api-keys"): Change("api_key.create", lambda: {"name": "New"}),
    ("delete", "/v1/api-keys/{platform_api_key_id}"): Change("api_key.revoke"),
    ("patch", f"{ORGANIZATION}/api-keys/{{api_key_id}}"): Change(
        "api_key.update", lambda: {"name": "Other"}
    ),
    ("delete", f"{ORGANIZATION}/api-keys/{{api_key_id}}"): Change("api_key.revoke"),
    ("post", f"{ORGANIZATION}/assistants"): Change("assistant.create", lambda: {"name": "New"}),
    ("patch", f"{ORGANIZATION}/assistants/{{assistant_id}}"): Change(
        "assistant.update", lambda: {"name": "Other"}
    ),
    ("delete", f"{ORGANIZATION}/assistants/{{assistant_id}}"): Change("assistant.delete"),
    ("post", f"{ORGANIZATION}/channels"): Change("channel.create", channel),
    ("patch", f"{ORGANIZATION}/channels/{{channel_id}}"): Change(
        "channel.update", lambda: {"waba_id": "2"}
    ),
    ("delete", f"{ORGANIZATION}/channels/{{channel_id}}"): Change("channel.delete"),
    ("post", f"{ORGANIZATION}/channels/{{channel_id}}/verify"): Change("channel.verify"),
    ("post", f"{ORGANIZATION}/channels/{{channel_id}}/resume"): Change("channel.resume"),
    ("post", f"{ORGANIZATION}/channels/{{channel_id}}/verify-token"): Change(
        "channel.make_verify_token"
    ),
    ("post", f"{ORGANIZATION}/knowledge-bases"): Change(
        "knowledge_base.create", lambda: {"name": "New"}
    ),
    ("patch", KNOWLEDGE_BASE): Change("knowledge_base.update", lambda: {"name": "Other"}),
    ("delete", KNOWLEDGE_BASE): Change("knowledge_base.delete"),
    ("post", f"{KNOWLEDGE_BASE}/documents"): Change(
        "document.create", lambda: {"title": "New", "text": "Words"}
    ),
    ("patch", f"{KNOWLEDGE_BASE}/documents/{{document_id}}"): Change(
        "document.update", lambda: {"title": "Other"}
    ),
    ("put", f"{KNOWLEDGE_BASE}/documents/{{document_id}}/content"): Change(
        "document.replace", lambda: {"text": "Other words"}
    ),
    ("post", f"{KNOWLEDGE_BASE}/documents/{{document_id}}/retry"): Change("document.retry"),
    ("delete", f"{KNOWLEDGE_BASE}/documents/{{document_id}}"): Change("document.delete"),
    ("post", f"{KNOWLEDGE_BASE}/sources"): Change(
        "source.create", lambda: {"type": "text", "name": "New", "text": "Words"}
    ),
    ("patch", f"{KNOWLEDGE_BASE}/sources/{{source_id}}"): Change(
        "source.update", lambda: {"name": "Other"}
    ),
    ("delete", f"{KNOWLEDGE_BASE}/sources/{{source_id}}"): Change("source.delete"),
    ("post", f"{KNOWLEDGE_BASE}/sources/{{source_id}}/sync"): Change("source_run.create"),
    ("delete", f"{KNOWLEDGE_BASE}/unanswered-questions/{{question_id}}"): Change(
        "unanswered_question.delete"
    ),
    ("post", f"{ORGANIZATION}/webhook-endpoints"): Change(
        "webhook_endpoint.create", lambda: {"url": "https://shop.example.com/hook"}
    ),
    ("patch", WEBHOOK_ENDPOINT): Change(
        "webhook_endpoint.update", lambda: {"description": "Other"}
    ),
    ("delete", WEBHOOK_ENDPOINT): Change("webhook_endpoint.delete"),
    ("post", f"{WEBHOOK_ENDPOINT}/secret"): Change("webhook_endpoint.make_secret"),
    ("post", f"{WEBHOOK_ENDPOINT}/replay"): Change(
        "webhook_replay.create", lambda: {"since": "2026-03-01T00:00:00Z"}
    ),
    ("post", f"{WEBHOOK_ENDPOINT}/dead-letters/{{event_id}}/replay"): Change(
        "webhook_dead_letter.replay"
    ),
    ("patch", f"{ORGANIZATION}/whatsapp-users/{{whatsapp_user_id}}"): Change(
        "whatsapp_user.update", lambda: {"name": "Eva"}
    ),
    ("post", f"{ORGANIZATION}/whatsapp-users/{{whatsapp_user_id}}/consents"): Change(
        "consent.create", lambda: {"state": "opted_in", "detail": "Form in the shop"}
    ),
    ("delete", f"{ORGANIZATION}/whatsapp-users/{{whatsapp_user_id}}"): Change(
        "whatsapp_user.delete"
    ),
    ("post", f"{ORGANIZATION}/whatsapp-users/{{whatsapp_user_id}}/facts"): Change(
        "person_fact.create", lambda: {"statement": "Prefers afternoons"}
    ),
    ("patch", f"{ORGANIZATION}/whatsapp-users/{{whatsapp_user_id}}/facts/{{fact_id}}"): Change(
        "person_fact.update", lambda: {"statement": "Prefers afternoons"}
    ),
    ("delete", f"{ORGANIZATION}/whatsapp-users/{{whatsapp_user_id}}/facts/{{fact_id}}"): Change(
        "person_fact.delete"
    ),
    ("patch", f"{ORGANIZATION}/conversations/{{conversation_id}}/summary"): Change(
        "conversation_summary.update", lambda: {"text": "Asked for a bicycle."}
    ),
    ("delete", f"{ORGANIZATION}/conversations/{{conversation_id}}/summary"): Change(
        "conversation_summary.delete"
    ),
}

CONVERSATION = f"{ORGANIZATION}/conversations/{{conversation_id}}"
ACTIONS: dict[tuple[str, str], Change] = {
    ("post", f"{CONVERSATION}/takeover"): Change("conversation.take_over"),
    ("post", f"{CONVERSATION}/messages"): Change("message.create", lambda: {"text": "Hello"}),
    ("post", f"{CONVERSATION}/release"): Change("conversation.release"),
    ("post", f"{CONVERSATION}/close"): Change("conversation.close"),
}
"""What a worker has a part in."""

CHANGES_NOTHING = {
    ("post", f"{KNOWLEDGE_BASE}/search"): "a search reads; it is a POST for the sake of its query",
    ("post", f"{WEBHOOK_ENDPOINT}/test"): "a trial is noted among the endpoint's deliveries",
}


def _mutating_operations() -> list[tuple[str, str]]:
    settings = Settings(_env_file=None, parley_secret_keys=[SecretStr("0" * 32)])
    return sorted(
        (method, path)
        for path, methods in create_app(settings).openapi()["paths"].items()
        for method in methods
        if path.startswith("/v1/") and method in ("post", "put", "patch", "delete")
    )


class World(NamedTuple):
    """An organisation that has one of everything."""

    organization: Organization
    ids: dict[str, str]


async def a_summary(services: Services, organization_id: OrganizationId) -> ConversationId:
    """Of a conversation that somebody has begun."""
    ref = a_conversation(
        organization_id,
        channel_id=ChannelId(f"chn_{ULID()}"),
        person_id=PersonId(f"wau_{ULID()}"),
    )
    record = a_record(sent_at=datetime.now(UTC))
    await services.conversations.record_inbound(a_request(ref, record, opening=True))
    await services.summaries.write(
        organization_id, ref.conversation_id, None, text="Asked.", source="model",
        begins_after=None, covers_up_to=record.message_id, changes_seen_up_to=record.message_id,
    )  # fmt: skip
    return ref.conversation_id


async def a_question(
    services: Services,
    organization_id: OrganizationId,
    person_id: PersonId,
    knowledge_base_id: KnowledgeBaseId,
) -> QuestionId:
    """That the person asked, and that had no answer."""
    ref = a_conversation(
        organization_id, channel_id=ChannelId(f"chn_{ULID()}"), person_id=person_id
    )
    words = "Do you sell boats?"
    async with services.database.tenant(organization_id) as session:
        await unanswered_questions.add(
            session, words, knowledge_base_ids=[knowledge_base_id], conversation=ref
        )
    return question_id(knowledge_base_id, words)


@pytest.fixture
async def world(ours: Organization, platform: httpx.AsyncClient, app: FastAPI) -> World:
    admin, path = ours.admin, ours.path
    services: Services = app.state.services
    person = PersonId(f"wau_{ULID()}")
    async with services.database.tenant(OrganizationId(ours.id)) as session:
        await whatsapp_users.remember(session, person, organization_id=OrganizationId(ours.id))
    base = await created(admin, f"{path}/knowledge-bases", name="Menu")
    channel_id = ChannelId((await created(admin, f"{path}/channels", **channel()))["id"])
    await ChannelPauses(services.database).pause(OrganizationId(ours.id), channel_id, code=190)
    facts = f"{path}/whatsapp-users/{person}/facts"
    conversation = await a_summary(services, OrganizationId(ours.id))
    endpoint = await created(
        admin, f"{path}/webhook-endpoints", url="https://shop.example.com/hook"
    )
    question = await a_question(
        services, OrganizationId(ours.id), person, KnowledgeBaseId(base["id"])
    )
    event = trial(OrganizationId(ours.id), occurrence="1", at=datetime.now(UTC))
    await services.webhooks.buried.add(endpoint["id"], event, reason="It answered 500.")
    return World(
        ours,
        {
            "organization_id": ours.id,
            "webhook_endpoint_id": endpoint["id"],
            "event_id": event.id,
            "question_id": question,
            "whatsapp_user_id": person,
            "fact_id": (await created(admin, facts, statement="Prefers mornings"))["id"],
            "conversation_id": conversation,
            "api_key_id": (await created(admin, f"{path}/api-keys", name="K", role="viewer"))["id"],
            "platform_api_key_id": (await created(platform, "/v1/api-keys", name="P"))["id"],
            "assistant_id": (await created(admin, f"{path}/assistants", name="Ada"))["id"],
            "channel_id": channel_id,
            "knowledge_base_id": base["id"],
            "source_id": (
                await created(
                    admin,
                    f"{path}/knowledge-bases/{base['id']}/sources",
                    type="text",
                    name="Returns",
                    text="Within thirty days.",
                    paused=True,
                )
            )["id"],
            "document_id": (
                await created(
                    admin,
                    f"{path}/knowledge-bases/{base['id']}/documents",
                    status=202,
                    title="Hours",
                    text="Open",
                )
            )["id"],
        },
    )


@pytest.mark.parametrize(("method", "path"), _mutating_operations())
async def test_every_change_leaves_an_entry(
    world: World, platform: httpx.AsyncClient, app: FastAPI, method: str, path: str
) -> None:
    if (method, path) in CHANGES_NOTHING | ACTIONS:
        return
    assert (method, path) in CHANGES, "say how to call this operation, or why it changes nothing"
    await make(CHANGES[method, path], world, platform, app, method=method, path=path)


@pytest.fixture(scope="module")
async def staff(settings: Settings, app: FastAPI) -> AsyncIterator[None]:  # noqa: ARG001 - it has made the stores
    async with staffed_desk(settings):
        yield


async def test_every_action_in_a_conversation_leaves_an_entry(
    world: World,
    platform: httpx.AsyncClient,
    app: FastAPI,
    staff: None,  # noqa: ARG001 - it works
) -> None:
    for (method, path), change in ACTIONS.items():
        await make(change, world, platform, app, method=method, path=path)


async def make(
    change: Change,
    world: World,
    platform: httpx.AsyncClient,
    app: FastAPI,
    *,
    method: str,
    path: str,
) -> None:
    """Make the change, and look at what the log says of it."""
    body = None if change.body is None else change.body()
    response = await platform.request(method, path.format(**world.ids), json=body)
    assert response.is_success, response.text

    services: Services = app.state.services
    async with services.database.platform() as session:
        entries = [
            entry
            for log in (None, OrganizationId(world.organization.id))
            for entry in (
                await audit_log.page(session, organization_id=log, limit=100, cursor=None)
            ).items
        ]
    request_id = response.headers["x-request-id"]
    (entry,) = [one for one in entries if one.request_id == request_id]
    assert entry.action == change.action
    assert entry.resource_type == change.action.partition(".")[0]
    named = [part for part in path.split("/") if part.startswith("{")]
    made = response.json()["id"] if method == "post" else named[-1].format(**world.ids)
    assert entry.resource_id == made
    if change.action.endswith(".create"):
        assert entry.before is None
    assert (entry.after is None) == change.action.endswith(".delete")
    assert (entry.api_key_id, entry.api_key_name) == ("bootstrap", "PARLEY_ADMIN_KEY")
    assert entry.role == "platform_admin"


async def entries(organization: Organization, **filters: str) -> list[dict[str, Any]]:
    response = await organization.admin.get(f"{organization.path}/audit-log", params=filters)
    assert response.status_code == 200, response.text
    items: list[dict[str, Any]] = response.json()["items"]
    return items


async def test_an_entry_tells_what_changed_and_by_whom(world: World) -> None:
    ours = world.organization
    path = f"{ours.path}/assistants/{world.ids['assistant_id']}"
    await ours.admin.patch(path, json={"name": "Eve", "temperature": 0.5})
    (entry,) = await entries(ours, action="assistant.update")
    assert entry["before"] == {"name": "Ada", "temperature": None}
    assert entry["after"] == {"name": "Eve", "temperature": 0.5}
    assert (entry["api_key_name"], entry["role"]) == ("admin", "admin")
    assert entry["organization_id"] == ours.id
    assert entry["created_at"].endswith("Z")


async def test_a_secret_is_told_by_its_name(world: World) -> None:
    ours = world.organization
    path = f"{ours.path}/channels/{world.ids['channel_id']}"
    await ours.admin.patch(path, json={"access_token": "EAAG-other", "app_secret": "hidden-one"})
    await ours.admin.patch(path, json={"app_secret": None})
    await ours.admin.patch(ours.path, json={"openai_api_key": "sk-hidden"})
    removed, changed = await entries(ours, action="channel.update")
    assert changed["after"]["access_token"] == changed["after"]["app_secret"] == "changed"
    assert removed["after"]["app_secret"] == "removed"
    (organization,) = await entries(ours, action="organization.update")
    assert organization["after"]["openai_api_key"] == "changed"
    text_of_all = (await ours.admin.get(f"{ours.path}/audit-log")).text
    for secret in ("EAAG", "hidden", "secret_hash", "pk_live_secret"):
        assert secret not in text_of_all


async def test_what_changes_nothing_leaves_no_entry(world: World) -> None:
    ours = world.organization
    path = f"{ours.path}/assistants/{world.ids['assistant_id']}"
    assert (await ours.admin.patch(path, json={"name": "Ada"})).status_code == 200
    assert await entries(ours, action="assistant.update") == []


async def test_a_change_of_a_channel_tells_what_was_sent_and_not_what_meta_is_asked_of_it(
    world: World,
) -> None:
    ours = world.organization
    path = f"{ours.path}/channels/{world.ids['channel_id']}"
    changed = await ours.admin.patch(path, json={"waba_id": "2", "access_token": "EAAG-other"})
    assert changed.status_code == 200
    (entry,) = await entries(ours, action="channel.update")
    assert set(entry["before"]) == {"waba_id"}
    assert entry["after"] == {"waba_id": "2", "access_token": "changed"}


async def test_a_change_that_is_rolled_back_leaves_no_entry(ours: Organization) -> None:
    body = channel()
    await created(ours.admin, f"{ours.path}/channels", **body)
    refused = await ours.admin.post(f"{ours.path}/channels", json=body)
    check_problem(refused, 409)
    assert len(await entries(ours, action="channel.create")) == 1


async def test_entries_are_found_by_what_they_tell(world: World) -> None:
    ours, ids = world.organization, world.ids
    everything = await entries(ours)
    moments = [datetime.fromisoformat(one["created_at"]) for one in everything]
    assert moments == sorted(moments, reverse=True)
    assert {one["action"] for one in await entries(ours, resource_type="document")} == {
        "document.create"
    }
    assert [one["resource_id"] for one in await entries(ours, resource_id=ids["channel_id"])] == [
        ids["channel_id"]
    ]
    by_bootstrap = await entries(ours, api_key_id="bootstrap")
    assert {one["action"] for one in by_bootstrap} == {"api_key.create"}
    middle = everything[3]["created_at"]
    after = await entries(ours, **{"from": middle})
    before = await entries(ours, to=middle)
    assert [one["id"] for one in after + before] == [one["id"] for one in everything]
    assert len(after) == 4
    response = await ours.admin.get(f"{ours.path}/audit-log", params={"from": "2026-01-01T00:00"})
    check_problem(response, 422)


async def test_the_log_is_read_in_pages(world: World) -> None:
    ours = world.organization
    everything = [one["id"] for one in await entries(ours)]
    seen: list[str] = []
    params: dict[str, str] = {"limit": "2"}
    while True:
        page = (await ours.admin.get(f"{ours.path}/audit-log", params=params)).json()
        seen += [one["id"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        params["cursor"] = page["next_cursor"]
    assert seen == everything


async def test_only_administrators_read_their_own_log(
    world: World, theirs: Organization, platform: httpx.AsyncClient
) -> None:
    ours = world.organization
    for client in (ours.operator, ours.viewer):
        check_problem(await client.get(f"{ours.path}/audit-log"), 403)
    check_problem(await theirs.admin.get(f"{ours.path}/audit-log"), 404)
    check_problem(await ours.admin.get("/v1/audit-log"), 403)
    assert all(one["organization_id"] == theirs.id for one in await entries(theirs))
    made = await platform.get("/v1/audit-log", params={"resource_id": ours.id})
    (entry,) = made.json()["items"]
    assert (entry["action"], entry["organization_id"]) == ("organization.create", None)


@pytest.mark.parametrize("role", ["tenant", "platform"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET role = 'viewer'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
    ],
)
async def test_nobody_alters_an_entry(
    ours: Organization, app: FastAPI, role: str, statement: str
) -> None:
    services: Services = app.state.services
    database = services.database
    scope = database.tenant(OrganizationId(ours.id)) if role == "tenant" else database.platform()
    with pytest.raises(ProgrammingError, match="permission denied"):
        async with scope as session:
            await (await session.connection()).execute(text(statement))


@pytest.mark.parametrize("whose", ["theirs", "the platform's"])
async def test_a_tenant_writes_into_no_other_log(
    ours: Organization, theirs: Organization, app: FastAPI, whose: str
) -> None:
    services: Services = app.state.services

    async def write() -> None:
        async with services.database.tenant(OrganizationId(ours.id)) as session:
            await audit_log.add(
                session,
                organization_id=OrganizationId(theirs.id) if whose == "theirs" else None,
                api_key_id=ApiKeyId("key_x"),
                api_key_name="Forged",
                role="admin",
                action="assistant.update",
                resource_id="asst_x",
                before=None,
                after=None,
                request_id=None,
            )

    with pytest.raises(ProgrammingError, match="row-level security"):
        await write()
