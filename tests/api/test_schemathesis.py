"""Schemathesis tries every operation with data that fits the document, and with data that does not.

No answer is a 500, has a status, type, header or body that the document does not tell; bad data is
refused and good data taken. What it sees of 4xx answers says what to do about them.
"""

import re
import secrets
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import httpx
import pytest
import requests
import schemathesis
import uvicorn
from fastapi import FastAPI
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from schemathesis import Case as AnyCase
from schemathesis.checks import CHECKS, CheckFunction
from schemathesis.core.parameters import ParameterLocation
from schemathesis.core.transport import Response

from api.app import create_app
from settings import Settings
from tests.api.attempts import DOCUMENT, resolved
from tests.api.conftest import ADMIN_KEY, make_organization
from tests.api.population import Populated, complete, populate

EXAMPLES = 10
"""Drawn for each operation, besides those of the document and of each constraint in it."""
PLATFORM_ONLY = {"create_organization", "delete_organization"}
SEVERAL_STATES = {"get_readiness"}
"""Its 503 is an answer: nothing polls for work here."""
MEANT_BY_NO_SCHEMA = {
    "cursor",  # of an earlier page
    "file",  # not empty
    "expires_at",  # in the future
    "occurred_at",  # in the past
    "business_hours",  # its time zone in the IANA database, its dates in the calendar
    "timezone",  # in the IANA database
    "openai_base_url",  # outside our network
    "quotas",  # the platform's to change
    "url",  # outside our network
    "event_types",  # each once
    "types",  # each once
    "since",  # before `until`, and not in the future
    "embedding_model",  # offered by the platform
    "assistant_id",  # of the same organisation
    "knowledge_base_ids",
}
"""Fields that must be more than a schema can say: a value of the right form may be refused."""
UNSTORABLE = re.compile(
    "NUL character|surrogate|finite|too large|larger than|nested|cannot be stored"
)
"""What no store keeps, wherever JSON is free to hold anything."""


Case = AnyCase[Any]
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
# A query parameter that no route knows is ignored, as everywhere on the web.
SCHEMA.config.generation.allow_extra_parameters = False


@dataclass
class Served:
    """The application over HTTP, with an organisation that has one of everything."""

    url: str
    populated: Populated
    key: str
    session: requests.Session = field(default_factory=requests.Session)

    def headers(self, case: Case) -> dict[str, str]:
        key = ADMIN_KEY if operation_id(case) in PLATFORM_ONLY else self.key
        return {"Authorization": f"Bearer {key}"} if case.path.startswith("/v1/") else {}

    def fresh(self, path: str) -> str | None:
        """Id of a new object of the collection at this path, for an operation that removes it."""
        post = DOCUMENT["paths"].get(path, {}).get("post")
        if post is None:
            return None
        media = post["requestBody"]["content"]["application/json"]
        body = dict(media.get("example") or resolved(media["schema"])["examples"][0])
        if "phone_number_id" in body:
            body["phone_number_id"] = str(secrets.randbelow(10**15))
        answer = self.session.post(
            self.url + path.format_map(self.populated.ids),
            json=body,
            headers={"Authorization": f"Bearer {ADMIN_KEY}"},
            timeout=10,
        )
        answer.raise_for_status()
        identifier: str = answer.json()["id"]
        return identifier


@pytest.fixture(scope="module")
async def served(
    app: FastAPI,
    settings: Settings,
    platform: httpx.AsyncClient,
    connect: Callable[[str | None], httpx.AsyncClient],
) -> AsyncIterator[Served]:
    organization = await make_organization(platform, connect, name="Tried")
    populated = await populate(organization, app.state.services)
    assert not await complete(populated, DOCUMENT)
    key = organization.admin.headers["Authorization"].removeprefix("Bearer ")
    # A process's worth of its own, in a thread: Schemathesis is synchronous.
    with serving_in_thread(create_app(settings)) as url:
        yield Served(url, populated, key)


@contextmanager
def serving_in_thread(app: FastAPI) -> Iterator[str]:
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
        assert thread.is_alive()
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(30)


@SCHEMA.parametrize()
@hypothesis_settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_the_answers_are_those_of_the_document(case: Case, served: Served) -> None:
    answer = send(case, served)
    case.validate_response(
        answer,
        excluded_checks=[
            cast(CheckFunction, CHECKS.get_one(name)) for name in pointless_checks(case, answer)
        ],
        headers=served.headers(case),
        transport_kwargs={"base_url": served.url, "session": served.session},
    )
    if 400 <= answer.status_code < 500:
        check_that_it_helps(answer)


def pointless_checks(case: Case, answer: Response) -> Iterator[str]:
    if operation_id(case) in SEVERAL_STATES:
        yield "not_a_server_error"
    if answer.status_code == 422 and all(
        error["field"].partition(".")[0] in MEANT_BY_NO_SCHEMA or UNSTORABLE.search(error["detail"])
        for error in answer.json()["errors"]
    ):
        yield "positive_data_acceptance"


def operation_id(case: Case) -> str:
    name: str = case.operation.definition.raw["operationId"]
    return name


def send(case: Case, served: Served) -> Response:
    """The request; what names an object in its path names one that there is."""
    removes = case.method == "DELETE" == case.operation.method.upper()
    for name in list(case.path_parameters or {}):
        location = case.meta.components.get(ParameterLocation.PATH) if case.meta else None
        if location is not None and location.mode.is_negative:
            continue
        collection = case.path.partition(f"/{{{name}}}")[0]
        is_last = case.path.endswith(f"{{{name}}}")
        known = served.populated.ids.get(name)
        case.path_parameters[name] = (
            served.fresh(collection) if removes and is_last else None
        ) or known
    return case.call(base_url=served.url, session=served.session, headers=served.headers(case))


def check_that_it_helps(answer: Response) -> None:
    """A problem whose detail is a sentence, and that names the fields that were refused."""
    assert answer.headers["content-type"] == ["application/problem+json"]
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == answer.status_code
    assert re.fullmatch(r"urn:parley:problem:[a-z]+(-[a-z]+)*", problem["type"])
    assert len(problem["detail"].split()) >= 4
    assert problem["detail"].rstrip()[-1] in ".!?…`" or problem.get("errors")
    if problem["type"].endswith(":validation"):
        assert problem["errors"]
        for error in problem["errors"]:
            assert error["detail"]
            assert error["location"] in {"body", "path", "query", "header"}
