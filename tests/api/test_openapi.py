"""The OpenAPI document: valid, complete, and good enough for a generated client."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from pydantic import SecretStr

from api.app import create_app
from settings import Settings

GENERATOR = "openapi-python-client==0.29.1"
"""Not a dependency: it wants an older typer than the product."""
PROBLEM = "application/problem+json"


def application() -> FastAPI:
    """Not started: the document needs no server."""
    return create_app(
        Settings(
            _env_file=None,
            parley_secret_keys=[SecretStr("0" * 32)],
            parley_public_url="https://parley.example",
        )
    )


DOCUMENT = application().openapi()


class Operation(NamedTuple):
    name: str
    method: str
    path: str
    described: dict[str, Any]


def operations() -> list[Operation]:
    return [
        Operation(described["operationId"], method, path, described)
        for path, methods in DOCUMENT["paths"].items()
        for method, described in methods.items()
    ]


every_operation = pytest.mark.parametrize("operation", operations(), ids=lambda one: one.name)


def test_a_validator_accepts_it() -> None:
    validate(DOCUMENT)


def test_a_client_can_be_generated_from_it(tmp_path: Path) -> None:
    uv = shutil.which("uv") or shutil.which(".uv/bin/uv")
    if uv is None:
        pytest.skip("uv, which runs the generator, is not on the PATH")
    runner = [uv, "tool", "run", "--from", GENERATOR, "openapi-python-client"]
    if subprocess.run([*runner, "--version"], capture_output=True, check=False).returncode:  # noqa: S603
        pytest.skip("the generator cannot be installed here")
    source = tmp_path / "openapi.json"
    source.write_text(json.dumps(DOCUMENT))
    client = tmp_path / "client"
    made = subprocess.run(  # noqa: S603
        [*runner, "generate", "--path", source, "--output-path", client, "--meta", "none",
         "--fail-on-warning"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stdout + made.stderr
    functions = {module.stem for module in client.glob("api/**/*.py")}
    assert {one.name for one in operations()} <= functions


def test_operation_ids_are_unique_names() -> None:
    names = [one.name for one in operations()]
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)+", name) for name in names)


def test_it_says_what_it_is() -> None:
    assert {"title", "version", "summary", "description", "license", "contact"} <= set(
        DOCUMENT["info"]
    )
    assert DOCUMENT["servers"] == [{"url": "https://parley.example"}]
    schemes = DOCUMENT["components"]["securitySchemes"].values()
    assert [(one["type"], one["scheme"]) for one in schemes] == [("http", "bearer")]


@every_operation
def test_an_operation_is_described(operation: Operation) -> None:
    described = {tag["name"] for tag in DOCUMENT["tags"] if tag["description"]}
    assert operation.described["summary"]
    assert set(operation.described["tags"]) <= described
    assert operation.described["tags"]


@every_operation
def test_a_problem_is_a_problem(operation: Operation) -> None:
    for status, response in operation.described["responses"].items():
        if status.startswith(("4", "5")) and operation.name != "get_readiness":
            assert list(response["content"]) == [PROBLEM], status
            assert response["content"][PROBLEM]["example"]["status"] == int(status)


@every_operation
def test_what_a_key_opens_names_the_answers_without_one(operation: Operation) -> None:
    secured = operation.path.startswith("/v1/")
    assert ("security" in operation.described) is secured
    assert ({"401", "429", "500", "503"} <= set(operation.described["responses"])) or not secured


@every_operation
def test_bodies_have_examples_that_are_valid(operation: Operation) -> None:
    described = operation.described
    bodies = [described["requestBody"]] if "requestBody" in described else []
    bodies += [one for status, one in described["responses"].items() if status.startswith("2")]
    for body in bodies:
        for media_type, content in body.get("content", {}).items():
            if media_type == "text/plain":
                continue
            found = list(_examples(content))
            assert found, media_type
            for example in found:
                _check(example, content["schema"])


@pytest.mark.parametrize("name", sorted(DOCUMENT["components"]["schemas"]))
def test_an_example_of_a_schema_is_valid(name: str) -> None:
    schema = DOCUMENT["components"]["schemas"][name]
    for example in schema.get("examples", []):
        _check(example, schema)


def test_a_partial_update_has_no_defaults() -> None:
    for operation in operations():
        if operation.method == "patch":
            body = operation.described["requestBody"]["content"]["application/json"]["schema"]
            fields = _resolved(body)["properties"]
            assert [name for name, field in fields.items() if "default" in field] == []


def test_the_page_of_the_documentation_loads_nothing_from_elsewhere() -> None:
    client = TestClient(application())
    page = client.get("/docs").text
    loaded = re.findall(r"""(?:src|href)=["']([^"']+)["']""", page)
    assert loaded
    for address in loaded:
        assert httpx.URL(address).host in ("", "parley.example"), address
        assert client.get(address).status_code == 200


def _examples(content: dict[str, Any]) -> Iterator[Any]:
    if "example" in content:
        yield content["example"]
    yield from _resolved(content["schema"]).get("examples", [])


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    found: dict[str, Any] = DOCUMENT["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    return found


def _check(example: Any, schema: dict[str, Any]) -> None:
    # References are looked up in the schema itself.
    Draft202012Validator({**schema, "components": DOCUMENT["components"]}).validate(example)
