"""How often a key may ask, and how it is told."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx
import pytest
from fastapi import FastAPI

from api import rate_limiting
from api.app import create_app
from settings import Settings
from tests.api.conftest import ADMIN_KEY, Organization, check_problem, created

NOON = 1_800_000_000.0
"""A whole minute of the epoch: no window ends in a test."""


@pytest.fixture(autouse=True)
def the_clock_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = datetime.fromtimestamp(NOON + 10, UTC)
    monkeypatch.setattr(rate_limiting, "utc_now", lambda: moment)


async def limited(
    ours: Organization, connect: Callable[[str | None], httpx.AsyncClient], *, limit: int
) -> httpx.AsyncClient:
    """A client whose key may make so many requests a minute."""
    made = await created(
        ours.admin, f"{ours.path}/api-keys", name="Few", role="admin", requests_per_minute=limit
    )
    return connect(made["secret"])


async def test_answers_say_what_is_left_until_nothing_is(
    ours: Organization, connect: Callable[[str | None], httpx.AsyncClient]
) -> None:
    client = await limited(ours, connect, limit=3)
    answers = [await client.get(ours.path) for _ in range(5)]

    assert [one.status_code for one in answers] == [200, 200, 200, 429, 429]
    assert {one.headers["ratelimit-policy"] for one in answers} == {'"default";q=3;w=60'}
    assert [one.headers["ratelimit"] for one in answers] == [
        f'"default";r={left};t=50' for left in (2, 1, 0, 0, 0)
    ]
    problem = check_problem(answers[3], 429)
    assert "3 requests a minute" in problem["detail"]
    assert answers[3].headers["retry-after"] == "50"


async def test_errors_say_it_too(
    ours: Organization, connect: Callable[[str | None], httpx.AsyncClient]
) -> None:
    client = await limited(ours, connect, limit=20)
    wrong = [
        await client.get(f"{ours.path}/assistants/asst_none"),
        await client.post(f"{ours.path}/assistants", json={}),
        await client.post(
            f"{ours.path}/assistants", content="{", headers={"Content-Type": "application/json"}
        ),
        await client.get("/v1/audit-log"),
        await client.get("/v1/organizations/org_other/assistants"),
    ]
    assert [one.status_code for one in wrong] == [404, 422, 422, 403, 404]
    assert [one.headers["ratelimit"] for one in wrong] == [
        f'"default";r={left};t=50' for left in (19, 18, 17, 16, 15)
    ]


async def test_without_a_key_of_its_own_the_settings_count(
    ours: Organization, settings: Settings
) -> None:
    answer = await ours.viewer.get(ours.path)
    limit = settings.parley_api_requests_per_minute
    assert answer.headers["ratelimit-policy"] == f'"default";q={limit};w=60'


async def test_a_changed_limit_counts_at_once(
    ours: Organization, connect: Callable[[str | None], httpx.AsyncClient]
) -> None:
    made = await created(ours.admin, f"{ours.path}/api-keys", name="Few", role="viewer")
    client = connect(made["secret"])
    assert (await client.get(ours.path)).status_code == 200
    path = f"{ours.path}/api-keys/{made['id']}"
    changed = await ours.admin.patch(path, json={"requests_per_minute": 1})
    assert changed.json()["requests_per_minute"] == 1
    check_problem(await client.get(ours.path), 429)
    await ours.admin.patch(path, json={"requests_per_minute": None})
    assert (await client.get(ours.path)).status_code == 200


async def test_a_tenant_allows_itself_no_more_than_the_platform(
    ours: Organization, platform: httpx.AsyncClient, settings: Settings
) -> None:
    more = settings.parley_api_requests_per_minute + 1
    body = {"name": "Fast", "role": "viewer", "requests_per_minute": more}
    refused = await ours.admin.post(f"{ours.path}/api-keys", json=body)
    assert check_problem(refused, 422)["errors"][0]["field"] == "requests_per_minute"
    made = await platform.post(f"{ours.path}/api-keys", json=body)
    assert made.json()["requests_per_minute"] == more
    path = f"{ours.path}/api-keys/{made.json()['id']}"
    check_problem(await ours.admin.patch(path, json={"requests_per_minute": more + 1}), 422)


@asynccontextmanager
async def another_process(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://parley.test",
            headers={"Authorization": f"Bearer {ADMIN_KEY}"},
        ) as client,
    ):
        yield client


async def test_processes_count_together(
    ours: Organization, connect: Callable[[str | None], httpx.AsyncClient], settings: Settings
) -> None:
    here = await limited(ours, connect, limit=6)
    async with another_process(settings) as there:
        there.headers = here.headers
        answers = await asyncio.gather(
            *(client.get(ours.path) for client in (here, there) for _ in range(6))
        )
    assert sorted(one.status_code for one in answers) == [200] * 6 + [429] * 6


async def test_without_dynamodb_requests_go_through_and_one_line_says_so(
    settings: Settings, app: FastAPI, capfd: pytest.CaptureFixture[str]
) -> None:
    assert app.state.services
    broken = settings.model_copy(update={"aws_endpoint_url_dynamodb": "http://127.0.0.1:1"})
    async with another_process(broken) as client:
        answers = [await client.get("/v1/organizations") for _ in range(4)]
    assert {one.status_code for one in answers} == {200}
    assert all("ratelimit-policy" in one.headers for one in answers)
    assert not any("ratelimit" in one.headers for one in answers)
    assert len(re.findall("requests_not_counted", "".join(capfd.readouterr()))) == 1


async def test_who_needs_no_key_is_not_counted(stranger: httpx.AsyncClient) -> None:
    for path in ("/healthz", "/webhooks/whatsapp", "/v1/organizations"):
        assert "ratelimit" not in (await stranger.get(path)).headers


def test_every_operation_that_takes_a_key_documents_its_limit(app: FastAPI) -> None:
    for path, methods in app.openapi()["paths"].items():
        for operation in methods.values():
            if "security" in operation:
                assert path.startswith("/v1/")
                assert "429" in operation["responses"], path
                assert "Retry-After" in operation["responses"]["429"]["headers"], path
