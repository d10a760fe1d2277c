"""Quotas over HTTP: set by the platform, seen by whoever belongs to the organisation."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from adapters.dynamodb.values import utc_now
from api.services import Services
from contracts.ids import OrganizationId, PersonId
from contracts.quotas import QUOTA_NAMES
from domain.quotas import windows
from tests.api.conftest import Organization, check_problem, created
from tests.api.test_conversations import write


async def set_quotas(
    platform: httpx.AsyncClient, organization: Organization, **quotas: Any
) -> dict[str, Any]:
    response = await platform.patch(organization.path, json={"quotas": quotas})
    assert response.status_code == 200, response.text
    stored: dict[str, Any] = response.json()["quotas"]
    return stored


async def shown(organization: Organization) -> dict[str, dict[str, Any]]:
    response = await organization.viewer.get(f"{organization.path}/quotas")
    assert response.status_code == 200, response.text
    return {one["quota"]: one for one in response.json()["items"]}


async def test_quotas_are_changed_one_by_one_and_removed_by_null(
    platform: httpx.AsyncClient, ours: Organization
) -> None:
    assert await set_quotas(platform, ours) == {}
    await set_quotas(platform, ours, messages_per_day=100, tokens_per_day={"soft": 5, "hard": 9})
    stored = await set_quotas(
        platform, ours, messages_per_day=None, messages_per_month={"soft": 10}
    )
    assert stored == {
        "tokens_per_day": {"soft": 5, "hard": 9},
        "messages_per_month": {"soft": 10, "hard": None},
    }
    organization = await created(
        platform, "/v1/organizations", name="New", quotas={"messages_per_day": 3}
    )
    assert organization["quotas"] == {"messages_per_day": {"soft": None, "hard": 3}}


@pytest.mark.parametrize(
    ("quotas", "words"),
    [
        ({"messages_per_week": 5}, ", ".join(QUOTA_NAMES)),
        ({"messages_per_day": {"soft": 6, "hard": 5}}, "soft must not be more than hard"),
        ({"messages_per_day": {}}, "null in its place removes"),
        ({"messages_per_day": -1}, "greater than or equal to 0"),
        ({"messages_per_day": 1.5}, "messages_per_day"),
        ({"messages_per_day": True}, "messages_per_day"),
        ({"messages_per_day": "5"}, "messages_per_day"),
        ({"messages_per_day": {"hard": 5, "soft": "2"}}, "messages_per_day.soft"),
        ({"messages_per_day": {"hard": 2**63}}, "too large"),
        (None, "quotas"),
        ([], "quotas"),
    ],
    ids=str,
)
async def test_a_quota_that_makes_no_sense_is_refused_with_what_does(
    platform: httpx.AsyncClient, ours: Organization, quotas: Any, words: str
) -> None:
    problem = check_problem(await platform.patch(ours.path, json={"quotas": quotas}), 422)
    assert words in problem["detail"]
    assert (await platform.get(ours.path)).json()["quotas"] == {}


async def test_only_the_platform_changes_quotas(ours: Organization) -> None:
    response = await ours.admin.patch(ours.path, json={"quotas": {"messages_per_day": 5}})
    assert check_problem(response, 422)["errors"][0]["field"] == "quotas"


async def test_what_is_used_is_shown_with_its_state_and_when_it_begins_anew(
    platform: httpx.AsyncClient, ours: Organization, app: FastAPI
) -> None:
    services: Services = app.state.services
    await platform.patch(ours.path, json={"timezone": "Asia/Kathmandu"})
    assert await shown(ours) == {}
    await set_quotas(
        platform,
        ours,
        messages_per_person_per_minute=5,
        messages_per_day={"soft": 2, "hard": 9},
        messages_per_month=100,
        tokens_per_month={"soft": 10, "hard": 60},
    )
    now = windows(utc_now(), timezone="Asia/Kathmandu")
    await services.quota_counters.add(
        OrganizationId(ours.id),
        {"day": now["day"], "month": now["month"]},
        person_id=PersonId("wau_1"),
        messages=3,
        tokens=60,
    )
    states = await shown(ours)
    assert {name: (one["used"], one["state"]) for name, one in states.items()} == {
        "messages_per_person_per_minute": (None, None),
        "messages_per_day": (3, "soft"),
        "messages_per_month": (3, "ok"),
        "tokens_per_month": (60, "hard"),
    }
    assert datetime.fromisoformat(states["messages_per_day"]["resets_at"]) == now["day"].ends
    assert states["messages_per_day"]["resets_at"].endswith("18:15:00Z")
    assert (states["tokens_per_month"]["soft"], states["tokens_per_month"]["hard"]) == (10, 60)


async def test_quotas_of_others_are_not_found(ours: Organization, theirs: Organization) -> None:
    check_problem(await ours.admin.get(f"{theirs.path}/quotas"), 404)


async def test_a_conversation_says_what_limits_it_until_that_is_over(
    ours: Organization, app: FastAPI
) -> None:
    services: Services = app.state.services
    written = await write(app, ours, "Hello", wa_id="34600000099")
    path = f"{ours.path}/conversations/{written.ref.conversation_id}"
    for until, expected in (
        ("2999-01-01T00:00:00Z", ("messages_per_day", "2999-01-01T00:00:00Z")),
        ("2020-01-01T00:00:00Z", (None, None)),
    ):
        await services.conversations.limit(
            written.ref,
            by="messages_per_day",
            until=datetime.fromisoformat(until).astimezone(UTC),
        )
        conversation = (await ours.viewer.get(path)).json()
        assert (conversation["limited_by"], conversation["limited_until"]) == expected
        (listed,) = (await ours.viewer.get(f"{ours.path}/conversations")).json()["items"]
        assert listed["limited_by"] == expected[0]


async def test_an_assistant_has_its_own_words_for_limits(ours: Organization) -> None:
    made = await created(
        ours.admin, f"{ours.path}/assistants", name="Ada", slow_down_message="Not so fast."
    )
    assert (made["slow_down_message"], made["quota_message"]) == ("Not so fast.", None)
    path = f"{ours.path}/assistants/{made['id']}"
    changed = (await ours.admin.patch(path, json={"quota_message": "Come back tomorrow."})).json()
    assert changed["quota_message"] == "Come back tomorrow."
    check_problem(await ours.admin.patch(path, json={"quota_message": ""}), 422)
