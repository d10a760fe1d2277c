"""Sources through the API: what is accepted, and that row and schedule are one."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from temporalio.client import Schedule, ScheduleSpec, ScheduleUpdate, ScheduleUpdateInput
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import ActivityEnvironment

from activities import source_schedules as source_schedule_activities
from activities.source_schedules import SourceScheduleActivities
from adapters.postgres.tables import Source
from adapters.temporal import source_schedules
from adapters.temporal.source_schedules import SourceSchedules
from api.services import Services
from contracts.ids import SourceId, source_schedule_id
from contracts.sources import ReconciledPage, ReconcilePage
from tests.api.conftest import Organization, check_problem, created


class Base:
    """A knowledge base and its sources."""

    def __init__(self, organization: Organization, services: Services, base: str) -> None:
        self.admin = organization.admin
        self.viewer = organization.viewer
        self.services = services
        self.path = f"{organization.path}/knowledge-bases/{base}/sources"

    async def make(self, **body: Any) -> dict[str, Any]:
        text = {"type": "text", "name": "Returns", "text": "Within thirty days.", "paused": True}
        return await created(self.admin, self.path, **{**text, **body})

    async def schedule(self, source_id: str) -> Schedule:
        handle = self.services.temporal.get_schedule_handle(source_schedule_id(SourceId(source_id)))
        return (await handle.describe()).schedule

    async def is_scheduled(self, source_id: str) -> bool:
        try:
            await self.schedule(source_id)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return False
        return True


@pytest.fixture
async def base(ours: Organization, app: FastAPI) -> Base:
    made = await created(ours.admin, f"{ours.path}/knowledge-bases", name="Help")
    return Base(ours, app.state.services, made["id"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"type": "url"}, ""),
        ({"type": "url", "url": "ftp://shop.example.com/"}, "url"),
        ({"type": "url", "url": "https://127.0.0.1/"}, "url"),
        ({"type": "crawl", "url": "http://169.254.169.254/latest"}, "url"),
        ({"type": "sitemap", "url": "https://user:pass@shop.example.com/"}, "url"),
        ({"type": "url", "url": "https://shop.example.com/", "text": "x"}, ""),
        ({"type": "text"}, ""),
        ({"type": "faq"}, ""),
        ({"type": "faq", "text": "question,answer\nWhy?,\n"}, "text"),
        ({"type": "faq", "questions": [{"question": " ", "answer": "a"}]}, "questions"),
        ({"type": "s3", "bucket": "anything"}, "bucket"),
        ({"type": "text", "text": "x", "schedule": {}}, "schedule"),
        (
            {"type": "text", "text": "x", "schedule": {"every_seconds": 59}},
            "schedule.every_seconds",
        ),
        ({"type": "text", "text": "x", "schedule": {"cron": "@every 1s"}}, "schedule.cron"),
        ({"type": "text", "text": "x", "schedule": {"cron": "* * * * * * *"}}, "schedule.cron"),
        ({"type": "text", "text": "x", "schedule": {"cron": "61 * * * *"}}, "schedule.cron"),
        (
            {"type": "text", "text": "x", "schedule": {"cron": "@daily", "timezone": "Mars/X"}},
            "schedule.timezone",
        ),
    ],
)
async def test_what_could_not_work_is_refused_with_the_field_and_leaves_nothing(
    base: Base, body: dict[str, Any], field: str
) -> None:
    refused = await base.admin.post(base.path, json={"name": "Source", **body})
    errors = check_problem(refused, 422)["errors"]
    assert errors[0]["field"] == field
    assert (await base.viewer.get(base.path)).json()["items"] == []


async def test_a_change_of_the_source_is_a_change_of_its_schedule(base: Base) -> None:
    source = await base.make(paused=False, schedule={"every_seconds": 3600})
    path = f"{base.path}/{source['id']}"
    found = await base.schedule(source["id"])
    assert [one.every for one in found.spec.intervals] == [timedelta(hours=1)]
    assert source["next_run_at"] is not None
    assert "Within thirty days." not in str(found)

    timing = {"cron": "0 6 * * *", "timezone": "Europe/Madrid"}
    changed = (await base.admin.patch(path, json={"schedule": timing, "paused": True})).json()
    assert (changed["schedule"], changed["paused"], changed["revision"]) == (timing, True, 2)
    assert changed["next_run_at"] is None
    found = await base.schedule(source["id"])
    assert (found.spec.intervals, found.state.paused) == ([], True)
    assert [hours.start for one in found.spec.calendars for hours in one.hour] == [6]

    changed = (await base.admin.patch(path, json={"schedule": None, "paused": False})).json()
    assert (changed["schedule"], changed["next_run_at"]) == (None, None)
    assert not (await base.schedule(source["id"])).spec.calendars

    refused = await base.admin.patch(path, json={"schedule": {"cron": "0 99 * * *"}})
    assert check_problem(refused, 422)["errors"][0]["field"] == "schedule.cron"
    assert (await base.viewer.get(path)).json()["schedule"] is None

    assert (await base.admin.delete(path)).status_code == 204
    assert not await base.is_scheduled(source["id"])
    check_problem(await base.viewer.get(path), 404)


async def test_without_a_workflow_engine_nothing_is_changed(
    base: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = await base.make(schedule={"every_seconds": 3600})
    path = f"{base.path}/{source['id']}"

    async def unavailable(*_arguments: Any, **_named: Any) -> Any:
        raise RPCError("not now", RPCStatusCode.UNAVAILABLE, b"")

    for name in ("ensure", "delete", "trigger"):
        monkeypatch.setattr(base.services.source_schedules, name, unavailable)
    another = {"type": "text", "name": "Another", "text": "Words"}
    check_problem(await base.admin.post(base.path, json=another), 503)
    check_problem(await base.admin.patch(path, json={"name": "Other"}), 503)
    check_problem(await base.admin.delete(path), 503)
    check_problem(await base.admin.post(f"{path}/sync"), 503)
    assert [one["id"] for one in (await base.viewer.get(base.path)).json()["items"]] == [
        source["id"]
    ]
    assert (await base.viewer.get(path)).json() == source
    assert (await base.viewer.get(f"{path}/runs")).json()["items"] == []


async def test_asked_twice_a_source_is_synced_once(base: Base) -> None:
    """Nobody works here: the sync that was asked for stays open."""
    source = await base.make()
    path = f"{base.path}/{source['id']}"
    answers = await asyncio.gather(*(base.admin.post(f"{path}/sync") for _ in range(3)))
    assert {one.status_code for one in answers} == {202}
    assert len({one.json()["id"] for one in answers}) == 1
    (run,) = (await base.viewer.get(f"{path}/runs")).json()["items"]
    assert (run["status"], run["trigger"]) == ("pending", "manual")
    check_problem(await base.viewer.post(f"{path}/sync"), 403)


async def test_a_knowledge_base_takes_the_schedules_of_its_sources_along(base: Base) -> None:
    source = await base.make(schedule={"every_seconds": 3600})
    deleted = await base.admin.delete(base.path.removesuffix("/sources"))
    assert deleted.status_code == 204
    assert not await base.is_scheduled(source["id"])


async def test_a_comparison_makes_mends_and_deletes_schedules(
    base: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing, changed, right, orphan = [
        await base.make(name=name, schedule={"every_seconds": 3600})
        for name in ("missing", "changed", "right", "orphan")
    ]
    temporal, database = base.services.temporal, base.services.database

    def handle(source: dict[str, Any]) -> Any:
        return temporal.get_schedule_handle(source_schedule_id(source["id"]))

    def emptied(found: ScheduleUpdateInput) -> ScheduleUpdate:
        found.description.schedule.spec = ScheduleSpec()
        return ScheduleUpdate(found.description.schedule)

    await handle(missing).delete()
    await handle(changed).update(emptied)
    async with database.platform() as session:
        await session.delete(await session.get_one(Source, orphan["id"]))
    untouched = (await handle(right).describe()).info.last_updated_at

    activities = SourceScheduleActivities(database, schedules=SourceSchedules(temporal))
    after, made, mended = "", 0, 0
    while True:
        page: ReconciledPage = await ActivityEnvironment().run(
            activities.reconcile_schedules_page, ReconcilePage(after=after, limit=2)
        )
        made, mended = made + page.made, mended + page.mended
        if page.next_after is None:
            break
        after = page.next_after
    assert (made, mended) == (1, 1)
    for source in (missing, changed):
        assert (await base.schedule(source["id"])).spec.intervals
    assert (await handle(right).describe()).info.last_updated_at == untouched

    # Whose source may be about to come is left alone for a while.
    await delete_orphans(activities, of=base, until_gone=None)
    assert await base.is_scheduled(orphan["id"])
    monkeypatch.setattr(source_schedules, "STILL_NEW", timedelta(0))
    await delete_orphans(activities, of=base, until_gone=orphan["id"])
    assert await base.is_scheduled(right["id"])


async def test_a_first_sync_that_was_never_begun_is_begun_by_the_comparison(
    base: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedules = base.services.source_schedules

    async def unavailable(*_arguments: Any) -> Any:
        raise RPCError("not now", RPCStatusCode.UNAVAILABLE, b"")

    with monkeypatch.context() as patch:
        patch.setattr(schedules, "trigger", unavailable)
        source = await base.make(paused=False)
    path = f"{base.path}/{source['id']}"
    assert (await base.viewer.get(f"{path}/runs")).json()["items"] == []
    activities = SourceScheduleActivities(base.services.database, schedules=schedules)
    page = ReconcilePage(after=source["id"][:-1], limit=1)
    await ActivityEnvironment().run(activities.reconcile_schedules_page, page)
    # Whoever has made it may be about to begin.
    assert (await base.viewer.get(f"{path}/runs")).json()["items"] == []
    monkeypatch.setattr(source_schedule_activities, "PATIENCE", timedelta(0))
    await ActivityEnvironment().run(activities.reconcile_schedules_page, page)
    (run,) = (await base.viewer.get(f"{path}/runs")).json()["items"]
    assert run["status"] == "pending"
    handle = base.services.temporal.get_schedule_handle(source_schedule_id(source["id"]))
    async with asyncio.timeout(20):
        while not (await handle.describe()).info.running_actions:  # noqa: ASYNC110 - a server is asked
            await asyncio.sleep(0.02)


async def delete_orphans(
    activities: SourceScheduleActivities, *, of: Base, until_gone: str | None
) -> None:
    """Temporal's list is a moment behind."""
    deadline = datetime.now(UTC) + timedelta(seconds=30)
    while datetime.now(UTC) < deadline:
        await ActivityEnvironment().run(activities.delete_orphaned_schedules)
        if until_gone is None or not await of.is_scheduled(until_gone):
            return
        await asyncio.sleep(0.2)
    raise AssertionError("the orphan is still there")
