"""When something behind the API fails, the answer says so, and says what to do."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api.app import create_app
from api.services import Services
from settings import Settings
from tests.api.conftest import ADMIN_KEY, Organization, check_problem


class Broken:
    """Fails at whatever is asked of it, quoting what nobody may read."""

    def __getattr__(self, name: str) -> object:
        raise RuntimeError(f"cannot {name} the private words of +34600000000")


async def test_an_unexpected_error_is_answered_and_found_in_the_log(
    ours: Organization, app: FastAPI, capfd: pytest.CaptureFixture[str]
) -> None:
    services: Services = app.state.services
    broken: Any = Broken()
    app.state.services = replace(services, conversations=broken)
    try:
        response = await ours.viewer.get(f"{ours.path}/conversations")
    finally:
        app.state.services = services
    problem = check_problem(response, 500)
    output = "".join(capfd.readouterr())
    assert response.headers["x-request-id"] in output
    assert "RuntimeError" in output
    for text in (str(problem), output):
        assert "private words" not in text
        assert "34600000000" not in text


@pytest.fixture
async def stranded(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A process that nothing answers to."""
    nowhere = "http://127.0.0.1:1"
    app = create_app(
        settings.model_copy(
            update={
                "database_url": "postgresql+asyncpg://nobody@127.0.0.1:1/none",
                "aws_endpoint_url_dynamodb": nowhere,
                "aws_endpoint_url_s3": nowhere,
                "temporal_address": "127.0.0.1:1",
            }
        )
    )
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://parley.test"
        ) as client,
    ):
        yield client


async def test_without_its_servers_it_lives_and_is_not_ready(stranded: httpx.AsyncClient) -> None:
    assert (await stranded.get("/healthz")).status_code == 200
    ready = await stranded.get("/readyz")
    assert ready.status_code == 503
    states = ready.json()["dependencies"]
    assert set(states) == {"postgres", "dynamodb", "s3", "temporal", "worker"}
    for state in states.values():
        assert state["ready"] is False
        assert state["detail"]
        assert "nobody" not in state["detail"]


@pytest.mark.parametrize("key", [ADMIN_KEY, "pk_live_unknown"])
async def test_without_a_database_requests_may_be_tried_again(
    stranded: httpx.AsyncClient, key: str
) -> None:
    response = await stranded.get("/v1/organizations", headers={"Authorization": f"Bearer {key}"})
    problem = check_problem(response, 503)
    assert problem["type"].endswith("dependency-unavailable")
    assert response.headers["retry-after"] == "5"
