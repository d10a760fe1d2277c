"""A website that changes, workers that sync and ingest for real, and what became of it."""

import asyncio
import functools
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from temporalio import activity
from temporalio.client import ScheduleBackfill, ScheduleOverlapPolicy
from temporalio.worker import Worker

from adapters.temporal.client import connect
from adapters.temporal.metrics import WorkerMetrics
from api.services import Services
from contracts.ids import SourceId, source_schedule_id
from contracts.names import INGESTION_QUEUE, SOURCES_QUEUE
from settings import Settings
from tests.api.conftest import Organization, created
from worker.assembly import open_activities
from worker.registry import registrations

PATIENCE = 60


@dataclass
class Site:
    """Pages by their path. What is not there is answered 404."""

    pages: dict[str, str] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    """In place of the page."""
    redirects: dict[str, str] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    held: dict[str, asyncio.Event] = field(default_factory=dict)
    """Pages that are answered when it is set."""
    has_etags: bool = True
    asked: Counter[str] = field(default_factory=Counter)
    unchanged: Counter[str] = field(default_factory=Counter)
    agents: set[str] = field(default_factory=set)
    url: str = ""

    def sitemap(self, *paths: str) -> None:
        places = "".join(f"<url><loc>{self.url}{path}</loc></url>" for path in paths)
        self.pages["/sitemap.xml"] = (
            '<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
            f"{places}</urlset>"
        )

    @property
    def application(self) -> Starlette:
        return Starlette(routes=[Route("/{path:path}", self._answer)])

    async def _answer(self, request: Request) -> Response:
        path = request.url.path
        self.asked[path] += 1
        self.agents.add(request.headers.get("user-agent", ""))
        if path in self.held:
            await self.held[path].wait()
        if path in self.statuses:
            return Response("no", self.statuses[path])
        if path in self.redirects:
            return RedirectResponse(self.redirects[path], 301)
        body = self.files.get(path)
        if body is None and path in self.pages:
            body = self.pages[path].encode()
        if body is None:
            return Response("not here", 404)
        headers = dict(self.headers.get(path, {}))
        if self.has_etags:
            headers["etag"] = f'"{sha256(body).hexdigest()[:16]}"'
            if request.headers.get("if-none-match") == headers["etag"]:
                self.unchanged[path] += 1
                return Response(status_code=304, headers=headers)
        kind = {"md": "text/markdown", "xml": "application/xml", "txt": "text/plain"}
        media_type = kind.get(path.rpartition(".")[2], "text/html")
        return Response(body, media_type=media_type, headers=headers)


class KnowledgeWorld:
    """A knowledge base of an organisation, seen as its owner sees it."""

    def __init__(self, organization: Organization, base: str, services: Services) -> None:
        self.organization = organization
        self.services = services
        self.path = f"{organization.path}/knowledge-bases/{base}"

    async def make(self, **body: Any) -> dict[str, Any]:
        """A source whose first sync has ended."""
        source = await created(self.organization.admin, f"{self.path}/sources", **body)
        await self.ended(source["id"])
        return source

    async def sync(self, source_id: str) -> dict[str, Any]:
        """Another run, once it has ended, with its items."""
        path = f"{self.path}/sources/{source_id}"
        started = await created(self.organization.admin, f"{path}/sync", status=202)
        return await self.ended(source_id, run_id=started["id"])

    async def sync_on_days(self, source_id: str, day: datetime) -> dict[str, Any]:
        """What the schedule starts by itself on that day, as if it were that day."""
        before = len(await self.runs(source_id))
        handle = self.services.temporal.get_schedule_handle(source_schedule_id(SourceId(source_id)))
        await handle.backfill(
            ScheduleBackfill(
                start_at=day,
                end_at=day + timedelta(hours=23),
                overlap=ScheduleOverlapPolicy.ALLOW_ALL,
            )
        )
        async with asyncio.timeout(PATIENCE):
            while len(await self.runs(source_id)) == before:  # noqa: ASYNC110 - the API is asked
                await asyncio.sleep(0.05)
        return await self.ended(source_id)

    async def runs(self, source_id: str) -> list[dict[str, Any]]:
        answer = await self.organization.viewer.get(f"{self.path}/sources/{source_id}/runs")
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def ended(self, source_id: str, *, run_id: str | None = None) -> dict[str, Any]:
        """The run, or the newest one, with its items, once it has ended."""
        async with asyncio.timeout(PATIENCE):
            while True:
                runs = [run for run in await self.runs(source_id) if run_id in (None, run["id"])]
                if runs and runs[0]["ended_at"]:
                    break
                await asyncio.sleep(0.05)
        path = f"{self.path}/sources/{source_id}/runs/{runs[0]['id']}"
        run: dict[str, Any] = (await self.organization.viewer.get(path)).json()
        return run

    async def documents(self, source_id: str) -> dict[str, dict[str, Any]]:
        """Of the source, by the last part of their address, or by their title."""
        answer = await self.organization.viewer.get(
            f"{self.path}/documents", params={"source_id": source_id, "limit": 100}
        )
        return {
            (one["url"] or "").partition("//")[2].partition("/")[2] or one["title"]: one
            for one in answer.json()["items"]
        }

    async def files(self) -> list[str]:
        """What S3 has of the organisation."""
        objects = self.services.objects
        return await objects._listed(f"{self.organization.id}/")

    async def found(self, query: str) -> list[str]:
        """Texts of the passages that a search finds."""
        answer = await self.organization.viewer.post(
            f"{self.path}/search", json={"query": query, "limit": 30}
        )
        assert answer.status_code == 200, answer.text
        return [one["text"] for one in answer.json()["items"]]


def counts(run: dict[str, Any]) -> dict[str, int]:
    """What has happened in a run."""
    names = ("added", "changed", "unchanged", "removed", "failed")
    return {name: run[name] for name in names if run[name]}


@asynccontextmanager
async def syncing(settings: Settings) -> AsyncIterator[set[str]]:
    """Workers for syncs and ingestions. At each of the points that are put into the set (`before
    list_source`) one dies, once."""
    client, dies = await connect(settings), set[str]()
    async with open_activities(settings, client, metrics=WorkerMetrics()) as activities:
        activities.sources._pause_seconds = 0.01
        wanted = {
            one.task_queue: one
            for one in registrations(activities)
            if one.task_queue in (SOURCES_QUEUE, INGESTION_QUEUE)
        }
        sources, ingestion = wanted[SOURCES_QUEUE], wanted[INGESTION_QUEUE]
        async with (
            Worker(
                client,
                task_queue=SOURCES_QUEUE,
                workflows=sources.workflows,
                activities=[_mortal(each, dies) for each in sources.activities],
            ),
            Worker(
                client,
                task_queue=INGESTION_QUEUE,
                workflows=ingestion.workflows,
                activities=ingestion.activities,
            ),
        ):
            yield dies


def _mortal(implementation: Callable[..., Any], dies: set[str]) -> Callable[..., Any]:
    name = activity._Definition.must_from_callable(implementation).name

    @functools.wraps(implementation, updated=())
    async def run(*request: Any) -> Any:
        _die(f"before {name}", dies)
        result = await implementation(*request)
        _die(f"after {name}", dies)
        return result

    return activity.defn(name=name)(run)


def _die(point: str, dies: set[str]) -> None:
    if point in dies:
        dies.remove(point)
        raise RuntimeError(point)


def days_ago(days: int) -> datetime:
    """The beginning of a day that is over."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=days)
