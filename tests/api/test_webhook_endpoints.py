"""Endpoints of an organisation's own systems, through the API."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import text
from standardwebhooks import Webhook
from temporalio.client import WorkflowHandle

from adapters.guarded_http import GuardedHttp
from api.routers import webhook_endpoints
from api.services import Services
from contracts.ids import (
    ConversationId,
    MessageId,
    OrganizationId,
    WebhookEndpointId,
    webhook_deliveries_workflow_id,
    webhook_replay_workflow_id,
)
from domain.business_events import message_sent
from tests.activities.webhook_world import receiving
from tests.api.conftest import Organization, check_problem, created

URL = "https://shop.example.com/hook"
CONVERSATION = ConversationId(f"conv_{'0' * 26}{'1' * 26}")


@pytest.fixture
def services(app: FastAPI) -> Services:
    found: Services = app.state.services
    return found


def path_of(organization: Organization) -> str:
    return f"{organization.path}/webhook-endpoints"


async def an_endpoint(organization: Organization, **fields: Any) -> dict[str, Any]:
    return await created(organization.admin, path_of(organization), **{"url": URL, **fields})


async def a_dead_letter(
    services: Services, organization: Organization, endpoint: dict[str, Any], number: int = 1
) -> str:
    event = message_sent(
        OrganizationId(organization.id),
        CONVERSATION,
        MessageId(f"msg_{number}"),
        at=datetime.now(UTC),
    )
    endpoint_id = WebhookEndpointId(endpoint["id"])
    await services.webhooks.buried.add(endpoint_id, event, reason="It answered 500.")
    return event.id


async def signals_of(handle: WorkflowHandle[Any, Any]) -> int:
    history = await handle.fetch_history()
    return sum(
        event.HasField("workflow_execution_signaled_event_attributes") for event in history.events
    )


async def test_the_secret_is_shown_once(ours: Organization) -> None:
    endpoint = await an_endpoint(ours, event_types=["message.received"], description="Shop")
    assert endpoint["id"].startswith("whe_")
    assert endpoint["secret"].startswith("whsec_")
    path = f"{path_of(ours)}/{endpoint['id']}"
    for client in (ours.admin, ours.operator, ours.viewer):
        shown = await client.get(path)
        assert shown.json() == {k: v for k, v in endpoint.items() if k != "secret"}
        assert shown.headers["ETag"] == '"1"'
        listed = await client.get(path_of(ours))
        assert listed.json()["items"] == [shown.json()]
        assert endpoint["secret"] not in shown.text + listed.text
    for client in (ours.operator, ours.viewer):
        check_problem(await client.post(path_of(ours), json={"url": URL}), 403)
        check_problem(await client.post(f"{path}/test"), 403)


async def test_a_request_that_is_repeated_makes_one_endpoint(ours: Organization) -> None:
    answers = [
        await ours.admin.post(path_of(ours), json={"url": URL}, headers={"Idempotency-Key": "one"})
        for _ in range(2)
    ]
    assert answers[0].json() == answers[1].json()
    assert len((await ours.admin.get(path_of(ours))).json()["items"]) == 1


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"url": "http://shop.example.com/"}, "url"),
        ({"url": "https://127.0.0.1/"}, "url"),
        ({"url": "https://[::1]/"}, "url"),
        ({"url": "https://169.254.169.254/latest"}, "url"),
        ({"url": "https://localhost/"}, "url"),
        ({"url": "https://user:pass@shop.example.com/"}, "url"),
        ({"url": "https://metadata.google.internal/"}, "url"),
        ({"url": "file:///etc/passwd"}, "url"),
        ({"event_types": ["message.unknown"]}, "event_types.0"),
        ({"event_types": ["message.sent", "message.sent"]}, "event_types"),
        ({"event_types": ["webhook.test"]}, "event_types.0"),
    ],
)
async def test_what_cannot_be_called_is_refused(
    ours: Organization, fields: dict[str, Any], field: str
) -> None:
    refused = await ours.admin.post(path_of(ours), json={"url": URL, **fields})
    assert check_problem(refused, 422)["errors"][0]["field"] == field
    endpoint = await an_endpoint(ours)
    changed = await ours.admin.patch(f"{path_of(ours)}/{endpoint['id']}", json=fields)
    assert check_problem(changed, 422)["errors"][0]["field"] == field


async def test_it_is_changed_disabled_and_enabled(ours: Organization) -> None:
    endpoint = await an_endpoint(ours)
    path = f"{path_of(ours)}/{endpoint['id']}"
    disabled = await ours.admin.patch(path, json={"enabled": False}, headers={"If-Match": '"1"'})
    assert disabled.json()["disabled_at"]
    assert disabled.json()["disabled_reason"] == "An administrator has disabled it."
    check_problem(await ours.admin.patch(path, json={}, headers={"If-Match": '"1"'}), 412)
    assert (await ours.admin.get(f"{path_of(ours)}?enabled=true")).json()["items"] == []
    enabled = (await ours.admin.patch(path, json={"enabled": True})).json()
    assert (enabled["disabled_at"], enabled["disabled_reason"]) == (None, None)
    assert enabled["revision"] == 3
    assert (await ours.admin.delete(path)).status_code == 204
    check_problem(await ours.admin.get(path), 404)


async def test_a_trial_says_how_the_endpoint_has_answered(
    ours: Organization, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = await an_endpoint(ours)
    path = f"{path_of(ours)}/{endpoint['id']}"
    async with receiving() as receiver, GuardedHttp(allow_private=True) as http:
        monkeypatch.setattr(services.webhooks.posts, "_http", http)
        await _point_to(services, endpoint["id"], f"{receiver.url}/hook")
        made = await ours.admin.post(f"{path}/secret")
        assert made.status_code == 201
        receiver.answers += [200, 500]
        taken, failed = [(await ours.admin.post(f"{path}/test")).json() for _ in range(2)]
    assert (taken["delivered"], taken["status_code"], taken["error"]) == (True, 200, None)
    assert (failed["delivered"], failed["error"]) == (False, "It answered 500.")
    for one in receiver.posts:
        assert one.event["type"] == "webhook.test"
        for secret in (endpoint["secret"], made.json()["secret"]):
            assert Webhook(secret).verify(one.body, one.headers)
    tries = (await ours.viewer.get(f"{path}/deliveries")).json()["items"]
    assert [(one["status_code"], one["type"]) for one in tries] == [
        (500, "webhook.test"), (200, "webhook.test"),
    ]  # fmt: skip


async def _point_to(services: Services, endpoint_id: str, url: str) -> None:
    """Where the API itself would not let it lead."""
    async with services.database.platform() as session:
        await (await session.connection()).execute(
            text("UPDATE webhook_endpoints SET url = :url WHERE id = :id"),
            {"url": url, "id": endpoint_id},
        )


async def test_a_trial_of_a_name_of_nobody_fails_with_its_reason(ours: Organization) -> None:
    endpoint = await an_endpoint(ours, url="https://nobody.invalid/hook")
    answer = await ours.admin.post(f"{path_of(ours)}/{endpoint['id']}/test")
    assert answer.status_code == 200
    assert answer.json()["error"] == "No answer: its name cannot be resolved."
    assert answer.json()["status_code"] is None


async def test_dead_letters_are_listed_page_by_page_and_replayed_once(
    ours: Organization, services: Services
) -> None:
    endpoint = await an_endpoint(ours)
    events = [await a_dead_letter(services, ours, endpoint, number) for number in range(3)]
    path = f"{path_of(ours)}/{endpoint['id']}/dead-letters"
    listed: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        place = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = await ours.viewer.get(path, params=place)
        listed += page.json()["items"]
        cursor = page.json()["next_cursor"]
    assert [one["id"] for one in listed] == events[::-1]
    assert listed[0]["reason"] == "It answered 500."
    assert listed[0]["conversation_id"] == CONVERSATION
    replayed = await ours.admin.post(f"{path}/{events[0]}/replay")
    assert replayed.status_code == 202
    assert replayed.json()["id"] == events[0]
    check_problem(await ours.admin.post(f"{path}/{events[0]}/replay"), 404)
    left = [one["id"] for one in (await ours.viewer.get(path)).json()["items"]]
    assert left == [events[2], events[1]]
    workflow_id = webhook_deliveries_workflow_id(WebhookEndpointId(endpoint["id"]), CONVERSATION)
    assert await signals_of(services.temporal.get_workflow_handle(workflow_id)) == 1


async def test_a_time_is_replayed_by_a_workflow_and_that_once(
    ours: Organization, services: Services
) -> None:
    endpoint = await an_endpoint(ours)
    path = f"{path_of(ours)}/{endpoint['id']}/replay"
    since = (datetime.now(UTC) - timedelta(days=40)).isoformat()
    answers = [
        await ours.admin.post(
            path,
            json={"since": since, "types": ["message.sent"]},
            headers={"Idempotency-Key": "replay"},
        )
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    replay = answers[0].json()
    assert datetime.fromisoformat(replay["since"]) > datetime.now(UTC) - timedelta(days=31)
    handle = services.temporal.get_workflow_handle(webhook_replay_workflow_id(replay["id"]))
    described = await handle.describe()
    assert described.workflow_type == "ReplayWebhooks"
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    refused = await ours.admin.post(path, json={"since": later})
    assert check_problem(refused, 422)["errors"][0]["field"] == "since"


async def test_nothing_is_replayed_to_one_that_is_disabled(
    ours: Organization, services: Services
) -> None:
    endpoint = await an_endpoint(ours, enabled=False)
    event_id = await a_dead_letter(services, ours, endpoint)
    path = f"{path_of(ours)}/{endpoint['id']}"
    body = {"since": datetime.now(UTC).isoformat()}
    for refused in (
        await ours.admin.post(f"{path}/replay", json=body),
        await ours.admin.post(f"{path}/dead-letters/{event_id}/replay"),
    ):
        assert check_problem(refused, 409)["type"] == "urn:parley:problem:disabled"
    assert len((await ours.viewer.get(f"{path}/dead-letters")).json()["items"]) == 1


async def test_an_organisation_has_so_many_and_no_more(
    ours: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_endpoints, "MOST_ENDPOINTS", 1)
    await an_endpoint(ours)
    refused = await ours.admin.post(path_of(ours), json={"url": URL})
    assert check_problem(refused, 409)["type"] == "urn:parley:problem:too-many"


async def test_their_dead_letters_are_not_replayed_to_us(
    ours: Organization, theirs: Organization, services: Services
) -> None:
    endpoint, their_endpoint = await an_endpoint(ours), await an_endpoint(theirs)
    event_id = await a_dead_letter(services, theirs, their_endpoint)
    for path in (
        f"{path_of(ours)}/{their_endpoint['id']}",
        f"{path_of(ours)}/{endpoint['id']}",
    ):
        check_problem(await ours.admin.post(f"{path}/dead-letters/{event_id}/replay"), 404)
