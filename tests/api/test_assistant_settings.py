"""How an assistant hands over, and when its team is there."""

from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from api.services import Services
from tests.api.conftest import Organization, check_problem, created

DEFAULTS: dict[str, object] = {
    "enabled": True,
    "message": None,
    "phrases": [],
    "after_failures": 2,
    "after_unanswered": None,
    "on_upset": False,
    "return_after_minutes": 60,
    "notice": None,
}


async def test_an_assistant_hands_over_unless_it_is_told_otherwise(ours: Organization) -> None:
    made = await created(ours.admin, f"{ours.path}/assistants", name="Ada")
    assert made["handoff"] == DEFAULTS
    assert made["business_hours"] is None
    path = f"{ours.path}/assistants/{made['id']}"
    handoff = {"message": " One moment. ", "phrases": ["boss"], "return_after_minutes": None}
    changed = await ours.admin.patch(path, json={"handoff": handoff, "stopped_message": "Bye."})
    assert changed.status_code == 200, changed.text
    told = {"message": "One moment.", "phrases": ["boss"], "return_after_minutes": None}
    assert changed.json()["handoff"] == DEFAULTS | told
    assert changed.json()["stopped_message"] == "Bye."
    # Replaced whole.
    again = await ours.admin.patch(path, json={"handoff": {"after_failures": 3.0}})
    assert again.json()["handoff"] == DEFAULTS | {"after_failures": 3}
    assert again.json()["revision"] == changed.json()["revision"] + 1
    assert (await ours.viewer.get(path)).json() == again.json()


async def test_business_hours_are_kept_and_taken_away(ours: Organization) -> None:
    hours = {
        "timezone": "Europe/Madrid",
        "week": {"monday": [{"opens": "09:00", "closes": "14:00"}]},
        "holidays": [{"date": "2026-12-25", "yearly": True}],
    }
    made = await created(ours.admin, f"{ours.path}/assistants", name="Ada", business_hours=hours)
    assert made["business_hours"]["week"]["monday"] == hours["week"]["monday"]  # type: ignore[index]
    assert made["business_hours"]["week"]["sunday"] == []
    assert made["business_hours"]["holidays"] == [
        {"date": "2026-12-25", "yearly": True, "hours": []}
    ]
    path = f"{ours.path}/assistants/{made['id']}"
    changed = await ours.admin.patch(path, json={"business_hours": {"week": {}}})
    assert changed.json()["revision"] == made["revision"] + 1
    assert changed.json()["business_hours"]["timezone"] is None
    always = await ours.admin.patch(path, json={"business_hours": None})
    assert always.json()["business_hours"] is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"handoff": {"unheard_of": 1}}, "handoff.unheard_of"),
        ({"handoff": {"enabled": "yes"}}, "handoff.enabled"),
        ({"handoff": {"after_failures": 0}}, "handoff.after_failures"),
        ({"handoff": {"after_failures": "2"}}, "handoff.after_failures"),
        ({"handoff": {"after_unanswered": True}}, "handoff.after_unanswered"),
        ({"handoff": {"phrases": ["a"]}}, "handoff.phrases.0"),
        ({"handoff": {"phrases": ["ok", 7]}}, "handoff.phrases.1"),
        ({"handoff": {"message": "x" * 4097}}, "handoff.message"),
        ({"handoff": None}, "handoff"),
        ({"business_hours": {"timezone": "Mars"}}, "business_hours.timezone"),
        (
            {"business_hours": {"week": {"monday": [{"opens": "9", "closes": "10:00"}]}}},
            "business_hours.week.monday.0.opens",
        ),
        ({"business_hours": {"holidays": [{"date": "2026-02-30"}]}}, "business_hours.holidays.0"),
        ({"business_hours": []}, "business_hours"),
        ({"stopped_message": ""}, "stopped_message"),
    ],
)
async def test_what_cannot_be_meant_is_refused_by_its_name(
    ours: Organization, body: dict[str, Any], field: str
) -> None:
    made = await created(ours.admin, f"{ours.path}/assistants", name="Ada")
    path = f"{ours.path}/assistants/{made['id']}"
    problem = check_problem(await ours.admin.patch(path, json=body), 422)
    assert problem["errors"][0]["field"].startswith(field)
    assert (await ours.viewer.get(path)).json() == made


async def test_what_was_stored_before_settings_had_a_form_is_shown(
    ours: Organization, app: FastAPI
) -> None:
    made = await created(ours.admin, f"{ours.path}/assistants", name="Ada")
    services: Services = app.state.services
    stored = '{"enabled": false, "to": "sales", "after_failures": "often"}'
    async with services.database.platform() as session:
        await (await session.connection()).execute(
            text(
                "UPDATE assistants SET handoff = CAST(:stored AS jsonb),"
                " business_hours = '[1]' WHERE id = :id"
            ),
            {"stored": stored, "id": made["id"]},
        )
    shown = (await ours.viewer.get(f"{ours.path}/assistants/{made['id']}")).json()
    assert shown["handoff"] == DEFAULTS | {"enabled": False}
    assert shown["business_hours"] is None
