"""Whatever comes in, the answer is a problem that helps and never a 500."""

import base64
import json
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.conftest import Organization, check_problem, created


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"null",
        b"[]",
        b'"text"',
        b'{"name": "\\u0000"}',
        b'{"name": "\\ud800"}',
        b'{"name": "A", "model_parameters": {"a": "\\u0000"}}',
        b'{"name": "A", "model_parameters": {"\\ud800": 1}}',
        b'{"name": "A", "model_parameters": {"a": NaN}}',
        b'{"name": "A", "model_parameters": {"a": ' + b"9" * 400 + b"}}",
        b'{"name": "A", "model_parameters": {"a": ' + b"9" * 5000 + b"}}",
        b'{"name": "A", "tools": ' + b"[" * 40 + b"]" * 40 + b"}",
        b'{"name": "A", "tools": ' + b"[" * 100000 + b"]" * 100000 + b"}",
        b'{"name": "A", "temperature": 1e999}',
        b'{"name": "A", "debounce_seconds": -1}',
        b'{"name": "A", "unknown": 1}',
        b'{"name": "' + b"A" * 201 + b'"}',
    ],
)
async def test_a_body_that_cannot_be_accepted_is_a_problem(ours: Organization, body: bytes) -> None:
    response = await ours.admin.post(
        f"{ours.path}/assistants", content=body, headers={"Content-Type": "application/json"}
    )
    assert response.status_code in (400, 422)
    check_problem(response, response.status_code)


async def test_validation_names_every_field(ours: Organization) -> None:
    response = await ours.admin.post(
        f"{ours.path}/assistants", json={"temperature": 9, "debounce_seconds": "x"}
    )
    problem = check_problem(response, 422)
    assert {error["field"] for error in problem["errors"]} == {
        "name",
        "temperature",
        "debounce_seconds",
    }
    assert all(error["location"] == "body" for error in problem["errors"])


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/xml", "", "multipart/form-data"]
)
async def test_another_content_type_is_a_problem(ours: Organization, content_type: str) -> None:
    response = await ours.admin.post(
        f"{ours.path}/assistants",
        content=b'{"name": "A"}',
        headers={"Content-Type": content_type},
    )
    check_problem(response, 422)


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "%00", "%FF", "=", "Zm9v", "e30=",
     base64.urlsafe_b64encode(b"[" * 1000).decode(),
     base64.urlsafe_b64encode(b'[1e999,"a"]').decode(),
     base64.urlsafe_b64encode(b'[99999999999999999999,"a"]').decode(),
     base64.urlsafe_b64encode(b'[1,"\\u0000"]').decode(),
     base64.urlsafe_b64encode(b"[true,null]").decode(), "A" * 2000],
)  # fmt: skip
@pytest.mark.parametrize("resource", ["assistants", "whatsapp-users", "conversations"])
async def test_a_cursor_of_somebody_else_is_a_problem(
    ours: Organization, resource: str, cursor: str
) -> None:
    response = await ours.viewer.get(f"{ours.path}/{resource}?cursor={cursor}")
    problem = check_problem(response, 422)
    assert problem["errors"][0]["field"] == "cursor"


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "9" * 30, "%00"])
async def test_a_limit_out_of_range_is_a_problem(ours: Organization, limit: str) -> None:
    check_problem(await ours.viewer.get(f"{ours.path}/assistants?limit={limit}"), 422)


@pytest.mark.parametrize(
    "identifier", ["%00", "%FF", "..%2f..", "a" * 3000, "'; DROP TABLE x;--", "💣"]
)
@pytest.mark.parametrize(
    "resource",
    ["assistants", "channels", "knowledge-bases", "whatsapp-users", "conversations", "api-keys"],
)
async def test_an_id_of_nothing_is_not_found(
    ours: Organization, resource: str, identifier: str
) -> None:
    check_problem(await ours.admin.get(f"{ours.path}/{resource}/{identifier}"), 404)


async def test_unknown_paths_and_methods_are_problems(
    stranger: httpx.AsyncClient, ours: Organization
) -> None:
    check_problem(await stranger.get("/nowhere"), 404)
    check_problem(await stranger.get("/%00"), 404)
    refused = await ours.admin.put(f"{ours.path}/assistants", json={})
    check_problem(refused, 405)
    assert refused.headers["allow"] == "GET, POST"


async def test_a_large_body_is_refused_with_or_without_its_length(ours: Organization) -> None:
    async def chunks() -> Any:
        for _ in range(4):
            yield b" " * 1024 * 1024

    for content in (b" " * 4 * 1024 * 1024, chunks()):
        response = await ours.admin.post(
            f"{ours.path}/assistants",
            content=content,
            headers={"Content-Type": "application/json"},
        )
        check_problem(response, 413)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_fields = ["name", "instructions", "model_parameters", "knowledge_base_ids", "handoff", "tools"]


async def test_no_json_makes_it_fail(ours: Organization) -> None:
    # Examples are drawn here and sent below: Hypothesis does not run coroutines.
    bodies: list[bytes] = []

    @settings(max_examples=150, database=None, suppress_health_check=list(HealthCheck))
    @given(st.dictionaries(st.sampled_from(_fields), _json))
    def draw(body: dict[str, Any]) -> None:
        bodies.append(json.dumps(body).encode("utf-8", "surrogatepass"))

    draw()
    for body in bodies:
        response = await ours.admin.post(
            f"{ours.path}/assistants", content=body, headers={"Content-Type": "application/json"}
        )
        assert response.status_code in (201, 400, 422), (body, response.text)


async def test_hostile_names_survive_a_round_trip(ours: Organization) -> None:
    name = "Ro\u202ebert'); DROP TABLE assistants;-- 💬 \u0001"
    made = await created(ours.admin, f"{ours.path}/assistants", name=name)
    shown = await ours.viewer.get(f"{ours.path}/assistants/{made['id']}")
    assert shown.json()["name"] == name
