"""Liveness, readiness, metrics and the codec server."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from google.protobuf import json_format
from temporalio import workflow
from temporalio.api.common.v1 import Payloads
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from api.app import create_app
from api.services import Services
from contracts.names import CONVERSATIONS_QUEUE
from settings import Settings
from tests.api.conftest import CODEC_TOKEN, Organization, check_problem
from tests.servers import make_directory, running_temporal


@workflow.defn
class Idle:
    """Gives a worker something to poll for."""

    @workflow.run
    async def run(self) -> None: ...


WEB_UI = "http://127.0.0.1:8233"


@pytest.fixture
async def nobody_polls(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """The application on a Temporal of its own: others remember the workers of other tests."""
    async with running_temporal(make_directory()) as server:
        app = create_app(settings.model_copy(update={"temporal_address": server.address}))
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(
                transport=httpx.ASGITransport(app), base_url="http://parley.test"
            ) as client,
        ):
            client.headers["x-temporal"] = server.address
            yield client


async def test_ready_is_said_when_a_worker_polls(
    app: FastAPI,  # noqa: ARG001 - migrates what the application below uses too
    nobody_polls: httpx.AsyncClient,
) -> None:
    stranger = nobody_polls
    assert (await stranger.get("/healthz")).json() == {"status": "ok"}
    before = await stranger.get("/readyz")
    assert before.status_code == 503
    states = before.json()["dependencies"]
    assert {name for name, state in states.items() if state["ready"]} == {
        "postgres",
        "dynamodb",
        "s3",
        "temporal",
    }
    assert CONVERSATIONS_QUEUE in states["worker"]["detail"]

    async with (
        Worker(
            await Client.connect(stranger.headers["x-temporal"]),
            task_queue=CONVERSATIONS_QUEUE,
            workflows=[Idle],
            # It only polls; this module's imports are no business of the sandbox.
            workflow_runner=UnsandboxedWorkflowRunner(),
        ),
        asyncio.timeout(20),
    ):
        answer = before
        while answer.status_code != 200:
            await asyncio.sleep(0.1)
            answer = await stranger.get("/readyz")
    assert answer.json()["ready"] is True


async def test_metrics_count_by_route(ours: Organization, stranger: httpx.AsyncClient) -> None:
    await ours.viewer.get(f"{ours.path}/assistants")
    metrics = (await stranger.get("/metrics")).text
    assert (
        'parley_http_requests_total{method="GET",'
        'route="/v1/organizations/{organization_id}/assistants",status="200"}' in metrics
    )
    assert ours.id not in metrics


async def test_metrics_count_what_the_caches_had(
    ours: Organization, stranger: httpx.AsyncClient
) -> None:
    async def lookups(cache: str, outcome: str) -> float:
        wanted = f'parley_cache_lookups_total{{cache="{cache}",outcome="{outcome}"}} '
        lines = (await stranger.get("/metrics")).text.splitlines()
        return sum(float(line.removeprefix(wanted)) for line in lines if line.startswith(wanted))

    before = await lookups("api_keys", "hit"), await lookups("api_keys", "miss")
    for _ in range(3):
        await ours.viewer.get(f"{ours.path}/assistants")
    after = await lookups("api_keys", "hit"), await lookups("api_keys", "miss")
    assert sum(after) - sum(before) == 3
    assert after[0] > before[0]

    nobodys = "/webhooks/whatsapp/chn_nobodys"
    await stranger.post(nobodys, content=b"{}")
    assert await lookups("channel_routes", "miss") >= 1


async def test_the_log_has_ids_and_no_contents(
    ours: Organization, capfd: pytest.CaptureFixture[str]
) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    response = await ours.admin.post(
        f"{ours.path}/assistants?secret-query=1",
        json={"name": "private name"},
        headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"},
    )
    output = "".join(capfd.readouterr())
    assert trace in output
    assert response.headers["x-request-id"] in output
    for private in ("private name", "secret-query", ours.id, "pk_live_"):
        assert private not in output


async def test_the_codec_server_opens_payloads_for_those_who_may(
    app: FastAPI, stranger: httpx.AsyncClient, platform: httpx.AsyncClient, ours: Organization
) -> None:
    services: Services = app.state.services
    sealed = Payloads(payloads=await services.temporal.data_converter.encode(["a private word"]))
    body = json_format.MessageToJson(sealed)
    assert "private" not in str(sealed.payloads[0].data)

    for client, path in (
        (stranger, f"/temporal/codec/{CODEC_TOKEN}/decode"),
        (platform, "/temporal/codec/decode"),
    ):
        answer = await client.post(path, content=body, headers={"Origin": WEB_UI})
        assert answer.status_code == 200, answer.text
        opened = json_format.Parse(answer.content, Payloads())
        assert opened.payloads[0].data == b'"a private word"'
        assert answer.headers["access-control-allow-origin"] == WEB_UI
        check_problem(await client.post(path, content=b"\xff"), 400)

    check_problem(await stranger.post("/temporal/codec/guess/decode", content=body), 404)
    check_problem(await stranger.post("/temporal/codec/decode", content=body), 401)
    check_problem(await ours.admin.post("/temporal/codec/decode", content=body), 403)


async def test_browsers_are_let_in_from_the_web_ui_only(stranger: httpx.AsyncClient) -> None:
    path = f"/temporal/codec/{CODEC_TOKEN}/decode"
    preflight = await stranger.options(path, headers={"Origin": WEB_UI})
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == WEB_UI
    elsewhere = await stranger.options(path, headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in elsewhere.headers
