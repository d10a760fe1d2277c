"""Consent to proactive messages, as operators see and record it."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fastapi import FastAPI

from adapters.postgres.consents import Consents
from api.services import Services
from contracts.ids import OrganizationId, PersonId
from tests.api.conftest import Organization, check_problem
from tests.api.test_conversations import write


@pytest.fixture
async def path(ours: Organization, app: FastAPI) -> str:
    written = await write(app, ours, "Hi", wa_id="34600000021")
    return f"{ours.path}/whatsapp-users/{written.ref.person_id}"


async def test_an_opt_in_obtained_elsewhere_is_recorded(ours: Organization, path: str) -> None:
    given = "2026-01-05T10:00:00Z"
    body = {"state": "opted_in", "source": "import", "detail": "Form 17", "occurred_at": given}
    made = await ours.operator.post(f"{path}/consents", json=body)
    assert made.status_code == 201, made.text
    assert made.json().items() >= (body | {"category": "marketing"}).items()
    person = (await ours.viewer.get(path)).json()
    assert (person["opted_in_at"], person["opted_out_at"]) == (given, None)
    assert person["id"] == made.json()["whatsapp_user_id"]
    listed = (await ours.viewer.get(f"{path}/consents")).json()
    assert listed == {"items": [made.json()], "next_cursor": None}


async def test_the_same_record_again_is_the_first_one(ours: Organization, path: str) -> None:
    body = {"state": "opted_in", "occurred_at": "2026-01-05T10:00:00+01:00"}
    answers = [await ours.operator.post(f"{path}/consents", json=body) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    named = {"Idempotency-Key": "an-opt-in"}
    now = [
        await ours.operator.post(f"{path}/consents", json={"state": "opted_in"}, headers=named)
        for _ in range(2)
    ]
    assert now[0].json() == now[1].json()
    entries = (
        await ours.admin.get(f"{ours.path}/audit-log", params={"action": "consent.create"})
    ).json()["items"]
    assert [one["resource_id"] for one in entries] == [now[0].json()["id"], answers[0].json()["id"]]


async def test_the_audit_log_does_not_hold_what_was_noted(ours: Organization, path: str) -> None:
    body = {"state": "opted_in", "detail": "Told Osmanthus at the counter"}
    await ours.operator.post(f"{path}/consents", json=body)
    log = (await ours.admin.get(f"{ours.path}/audit-log")).text
    assert "consent.create" in log
    assert "Osmanthus" not in log


async def test_what_an_operator_changes_is_in_the_record(ours: Organization, path: str) -> None:
    for opted_out in (True, True, False, False):
        changed = await ours.operator.patch(path, json={"opted_out": opted_out})
        assert changed.status_code == 200, changed.text
    assert changed.json()["opted_in_at"] is not None
    assert changed.json()["opted_out_at"] is None
    records = (await ours.viewer.get(f"{path}/consents")).json()["items"]
    assert [(one["state"], one["source"]) for one in records] == [
        ("opted_in", "api"),
        ("opted_out", "api"),
    ]


async def test_that_nobody_opted_out_is_no_opt_in(ours: Organization, path: str) -> None:
    changed = (await ours.operator.patch(path, json={"opted_out": False})).json()
    assert (changed["opted_in_at"], changed["opted_out_at"]) == (None, None)
    assert (await ours.viewer.get(f"{path}/consents")).json()["items"] == []


async def test_an_old_opt_in_does_not_undo_an_opt_out(
    ours: Organization, path: str, app: FastAPI
) -> None:
    services: Services = app.state.services
    stopped = datetime(2026, 2, 1, tzinfo=UTC)
    await Consents(services.database).opted_out(
        OrganizationId(ours.id), PersonId(path.rsplit("/")[-1]), source="message", at=stopped
    )
    body = {"state": "opted_in", "source": "import", "occurred_at": "2026-01-05T10:00:00Z"}
    assert (await ours.operator.post(f"{path}/consents", json=body)).status_code == 201
    person = (await ours.viewer.get(path)).json()
    assert (person["opted_in_at"], person["opted_out_at"]) == (None, "2026-02-01T00:00:00Z")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"state": "maybe"},
        {"state": "opted_in", "source": "message"},
        {"state": "opted_in", "detail": ""},
        {"state": "opted_in", "occurred_at": "2026-01-05T10:00:00"},
        {"state": "opted_in", "occurred_at": (datetime.now(UTC) + timedelta(days=1)).isoformat()},
        {"state": "opted_in", "occurred_at": "0001-01-01T00:00:00+14:00"},
    ],
)
async def test_what_is_no_record_is_refused(
    ours: Organization, path: str, body: dict[str, object]
) -> None:
    check_problem(await ours.operator.post(f"{path}/consents", json=body), 422)
    assert (await ours.viewer.get(f"{path}/consents")).json()["items"] == []


async def test_viewers_read_and_others_do_not(
    ours: Organization, theirs: Organization, path: str
) -> None:
    body = {"state": "opted_in"}
    assert (await ours.viewer.get(f"{path}/consents")).status_code == 200
    check_problem(await ours.viewer.post(f"{path}/consents", json=body), 403)
    clients: list[httpx.AsyncClient] = [theirs.admin, theirs.viewer]
    for client in clients:
        check_problem(await client.get(f"{path}/consents"), 404)
    check_problem(await theirs.admin.post(f"{path}/consents", json=body), 404)


async def test_whether_an_opt_in_is_needed_is_true_or_false(ours: Organization) -> None:
    for value in (True, False):
        changed = await ours.admin.patch(ours.path, json={"settings": {"require_opt_in": value}})
        assert changed.json()["settings"] == {"require_opt_in": value}
    refused = await ours.admin.patch(ours.path, json={"settings": {"require_opt_in": "no"}})
    assert check_problem(refused, 422)["errors"][0]["field"] == "settings"
