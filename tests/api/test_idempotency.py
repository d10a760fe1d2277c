"""A creating request that is sent again has its effect once, whatever dies in between."""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from adapters.dynamodb.idempotency import IdempotencyRecords
from adapters.keyring import KeyRing
from adapters.postgres import audit_log
from api.app import create_app
from api.services import Services
from contracts.ids import DocumentId, OrganizationId, ingestion_workflow_id
from settings import Settings
from tests.api.conftest import ADMIN_KEY, Organization, check_problem, created

LEASE = timedelta(seconds=0.3)


class Died(BaseException):
    """What a process hears of its own death: nothing that it could handle."""


def key() -> dict[str, str]:
    return {"Idempotency-Key": secrets.token_hex(8)}


def _creating_operations() -> list[str]:
    settings = Settings(_env_file=None, parley_secret_keys=[SecretStr("0" * 32)])
    return sorted(
        path
        for path, methods in create_app(settings).openapi()["paths"].items()
        if path.startswith("/v1/")
        and {"201", "202"} & methods.get("post", {}).get("responses", {}).keys()
    )


CREATING = _creating_operations()


def test_there_are_creating_operations() -> None:
    assert len(CREATING) >= 6


@pytest.mark.parametrize("path", CREATING)
def test_every_creating_operation_documents_its_key(path: str) -> None:
    settings = Settings(_env_file=None, parley_secret_keys=[SecretStr("0" * 32)])
    operation = create_app(settings).openapi()["paths"][path]["post"]
    headers = {one["name"]: one for one in operation["parameters"] if one["in"] == "header"}
    assert headers["Idempotency-Key"]["required"] is False
    assert "409" in operation["responses"]


async def test_the_same_request_gets_the_same_answer_and_is_done_once(ours: Organization) -> None:
    headers = key()
    body = {"name": "Ada", "instructions": "Be kind. 🙂"}
    first = await ours.admin.post(f"{ours.path}/assistants", json=body, headers=headers)
    again = await ours.admin.post(f"{ours.path}/assistants", json=body, headers=headers)

    assert first.status_code == again.status_code == 201
    assert again.content == first.content
    assert again.headers["content-type"] == first.headers["content-type"]
    assert again.headers["etag"] == first.headers["etag"] == '"1"'
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    listed = (await ours.viewer.get(f"{ours.path}/assistants")).json()["items"]
    assert [one["id"] for one in listed] == [first.json()["id"]]


async def test_a_secret_that_was_not_heard_is_told_again(ours: Organization) -> None:
    headers = key()
    body = {"name": "Ours", "role": "viewer"}
    first = await ours.admin.post(f"{ours.path}/api-keys", json=body, headers=headers)
    again = await ours.admin.post(f"{ours.path}/api-keys", json=body, headers=headers)
    assert again.json()["secret"] == first.json()["secret"]


async def test_another_key_never_hears_an_answer(
    ours: Organization, platform: httpx.AsyncClient
) -> None:
    headers = key()
    body = {"name": "Ours", "role": "viewer"}
    first = await ours.admin.post(f"{ours.path}/api-keys", json=body, headers=headers)
    other = await platform.post(f"{ours.path}/api-keys", json=body, headers=headers)
    assert other.status_code == 201
    assert other.json()["id"] != first.json()["id"]
    refused = await ours.viewer.post(f"{ours.path}/api-keys", json=body, headers=headers)
    check_problem(refused, 403)


async def test_another_request_may_not_have_the_same_key(ours: Organization) -> None:
    headers = key()
    first = await ours.admin.post(f"{ours.path}/assistants", json={"name": "A"}, headers=headers)
    assert first.status_code == 201
    for path, body in (("assistants", {"name": "B"}), ("knowledge-bases", {"name": "A"})):
        response = await ours.admin.post(f"{ours.path}/{path}", json=body, headers=headers)
        problem = check_problem(response, 409)
        assert problem["type"].endswith("idempotency-key-reused")
        assert "key of its own" in problem["detail"]


@pytest.mark.parametrize("name", ["", " ", "a b", "ключ", "a" * 256, "\x7f"])
async def test_a_key_that_is_none_is_a_problem(ours: Organization, name: str) -> None:
    response = await ours.admin.post(
        f"{ours.path}/assistants",
        json={"name": "A"},
        headers=[(b"Idempotency-Key", name.encode())],
    )
    assert check_problem(response, 422)["errors"][0]["field"] == "Idempotency-Key"


@pytest.mark.parametrize("name", ["!", "~" * 255, '"quoted"'])
async def test_any_visible_text_is_a_key(ours: Organization, name: str) -> None:
    for _ in range(2):
        response = await ours.admin.post(
            f"{ours.path}/assistants", json={"name": "A"}, headers={"Idempotency-Key": name}
        )
        assert response.status_code == 201
    assert len((await ours.viewer.get(f"{ours.path}/assistants")).json()["items"]) == 1


async def test_a_refused_request_leaves_its_key_free(ours: Organization) -> None:
    headers = key()
    path = f"{ours.path}/assistants"
    check_problem(await ours.admin.post(path, json={"name": ""}, headers=headers), 422)
    check_problem(await ours.viewer.post(path, json={"name": "A"}, headers=headers), 403)
    mended = await ours.admin.post(path, json={"name": "A"}, headers=headers)
    assert mended.status_code == 201
    assert "idempotent-replayed" not in mended.headers


async def test_of_requests_at_once_one_is_carried_out(ours: Organization) -> None:
    headers = key()
    path = f"{ours.path}/assistants"
    responses = await asyncio.gather(
        *(ours.admin.post(path, json={"name": "A"}, headers=headers) for _ in range(8))
    )
    for response in responses:
        if response.status_code != 201:
            problem = check_problem(response, 409)
            assert problem["type"].endswith("request-in-progress")
            assert int(response.headers["retry-after"]) > 0
    assert any(response.status_code == 201 for response in responses)
    assert len((await ours.viewer.get(path)).json()["items"]) == 1


@pytest.fixture
async def documents(ours: Organization) -> str:
    knowledge_base = await created(ours.admin, f"{ours.path}/knowledge-bases", name="Menu")
    return f"{ours.path}/knowledge-bases/{knowledge_base['id']}/documents"


async def test_an_upload_is_the_same_by_its_parts_whatever_parts_them(
    ours: Organization, documents: str
) -> None:
    headers = key()
    content = b"Open from 9 to 5. " * 100_000

    async def send(text: bytes, boundary: str, title: str = "Hours") -> httpx.Response:
        return await ours.admin.post(
            documents,
            files={"file": ("a.txt", text, "text/plain")},
            data={"title": title},
            headers=headers | {"Content-Type": f"multipart/form-data; boundary={boundary}"},
        )

    first = await send(content, "one")
    again = await send(content, "two")
    assert first.status_code == 202, first.text
    assert first.json()["size_bytes"] == len(content)
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    check_problem(await send(content + b"!", "three"), 409)
    check_problem(await send(content, "four", title="Other"), 409)
    assert len((await ours.viewer.get(documents)).json()["items"]) == 1


@pytest.mark.parametrize("resource", ["assistants", "knowledge-bases", "channels", "api-keys"])
@pytest.mark.parametrize("whole", [True, False], ids=["whole", "cut short"])
async def test_a_form_where_json_is_due_is_refused_as_without_a_key(
    ours: Organization, resource: str, whole: bool
) -> None:
    form = b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\nAda\r\n--x--\r\n'
    content_type = {"Content-Type": "multipart/form-data; boundary=x"}
    path, content = f"{ours.path}/{resource}", form if whole else form[:20]
    without = await ours.admin.post(path, content=content, headers=content_type)
    keyed = await ours.admin.post(path, content=content, headers=content_type | key())
    assert check_problem(keyed, 422) == check_problem(without, 422)


async def test_an_answer_whose_key_is_gone_is_not_given_and_the_request_not_repeated(
    ours: Organization, app: FastAPI, services: Services
) -> None:
    headers, path = key(), f"{ours.path}/assistants"
    first = await ours.admin.post(path, json={"name": "Ada"}, headers=headers)
    app.state.services = replace(services, keyring=KeyRing(["another ring altogether"]))
    try:
        lost = await ours.admin.post(path, json={"name": "Ada"}, headers=headers)
    finally:
        app.state.services = services
    problem = check_problem(lost, 409)
    assert problem["type"].endswith("idempotency-answer-lost")
    assert "List" in problem["detail"]
    listed = (await ours.viewer.get(path)).json()["items"]
    assert [one["id"] for one in listed] == [first.json()["id"]]


@pytest.fixture
def services(app: FastAPI) -> Services:
    services: Services = app.state.services
    return services


@pytest.fixture
def mortal(app: FastAPI, services: Services) -> Iterator[Services]:
    """Services whose claims outlive a process by moments only."""
    app.state.services = replace(
        services, idempotency=IdempotencyRecords(services.table, lease=LEASE)
    )
    yield app.state.services
    app.state.services = services


@contextmanager
def dying(target: object, name: str, *, before: bool) -> Iterator[None]:
    """The process dies when this is called: before it has done anything, or right after."""
    original: Callable[..., Any] = getattr(target, name)

    async def die(*arguments: Any, **options: Any) -> Any:
        if not before:
            await original(*arguments, **options)
        raise Died

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(target, name, die)
        yield


async def send_until_answered(send: Callable[[], Any]) -> httpx.Response:
    """As a client does that is told to come again."""
    async with asyncio.timeout(20):
        while True:
            response: httpx.Response = await send()
            if response.status_code != 409:
                return response
            assert check_problem(response, 409)["type"].endswith("request-in-progress")
            await asyncio.sleep(0.05)


BODIES: dict[str, dict[str, Any]] = {
    "assistants": {"name": "Ada"},
    "knowledge-bases": {"name": "Menu"},
    "channels": {
        "waba_id": "1",
        "display_phone_number": "+1 555 000",
        "access_token": "t",
    },
    "api-keys": {"name": "Key", "role": "viewer"},
}


@pytest.mark.parametrize("resource", sorted(BODIES))
@pytest.mark.parametrize("moment", ["before its commit", "after its commit", "after it was kept"])
async def test_what_died_in_the_middle_is_done_once_by_the_next(
    ours: Organization,
    mortal: Services,
    connect: Callable[[str | None], httpx.AsyncClient],
    resource: str,
    moment: str,
) -> None:
    path, headers = f"{ours.path}/{resource}", key()
    body = BODIES[resource]
    if resource == "channels":
        body = body | {"phone_number_id": str(secrets.randbelow(10**15))}
    count = len((await ours.admin.get(path)).json()["items"])

    async def send() -> httpx.Response:
        return await ours.admin.post(path, json=body, headers=headers)

    death = {
        "before its commit": dying(audit_log, "add", before=False),
        "after its commit": dying(mortal.idempotency, "finish", before=True),
        "after it was kept": dying(mortal.idempotency, "finish", before=False),
    }[moment]
    with death, pytest.raises(Died):
        await send()
    answer = await send_until_answered(send)

    assert answer.status_code == 201, answer.text
    items = (await ours.admin.get(path)).json()["items"]
    assert len(items) == count + 1
    assert items[0]["id"] == answer.json()["id"]
    entries = await ours.admin.get(
        f"{ours.path}/audit-log", params={"resource_id": answer.json()["id"]}
    )
    assert len(entries.json()["items"]) == 1
    if resource == "api-keys":
        assert (await connect(answer.json()["secret"]).get(ours.path)).status_code == 200


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
async def test_an_organization_is_made_once_whatever_dies(
    platform: httpx.AsyncClient, mortal: Services, before: bool
) -> None:
    name, headers = secrets.token_hex(8), key()

    async def send() -> httpx.Response:
        return await platform.post("/v1/organizations", json={"name": name}, headers=headers)

    with dying(mortal.idempotency, "finish", before=before), pytest.raises(Died):
        await send()
    answer = await send_until_answered(send)
    found = (await platform.get("/v1/organizations", params={"name": name})).json()["items"]
    assert [one["id"] for one in found] == [answer.json()["id"]]


@pytest.mark.parametrize(
    ("part", "name", "before"),
    [
        ("objects", "put", True),
        ("objects", "put", False),
        ("temporal", "start_workflow", True),
        ("temporal", "start_workflow", False),
        ("idempotency", "finish", True),
    ],
)
async def test_a_document_that_died_half_way_is_completed(
    ours: Organization, documents: str, mortal: Services, part: str, name: str, before: bool
) -> None:
    headers = key()

    async def send() -> httpx.Response:
        return await ours.admin.post(
            documents, json={"title": "Hours", "text": "Open"}, headers=headers
        )

    with dying(getattr(mortal, part), name, before=before), pytest.raises(Died):
        await send()
    answer = await send_until_answered(send)

    assert answer.status_code == 202, answer.text
    items = (await ours.viewer.get(documents)).json()["items"]
    assert [one["id"] for one in items] == [answer.json()["id"]]
    workflow = ingestion_workflow_id(DocumentId(answer.json()["id"]))
    description = await mortal.temporal.get_workflow_handle(workflow).describe()
    assert description.workflow_type == "IngestDocument"
    digest = hashlib.sha256(b"Open").hexdigest()
    assert await mortal.objects.exists(OrganizationId(ours.id), digest)


async def test_after_a_failure_of_ours_the_request_may_be_sent_again_at_once(
    ours: Organization,
) -> None:
    headers = key()
    path = f"{ours.path}/assistants"

    async def fail(*_arguments: Any, **_options: Any) -> None:
        raise RuntimeError("broken")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audit_log, "add", fail)
        failed = await ours.admin.post(path, json={"name": "A"}, headers=headers)
        check_problem(failed, 500)
    answer = await ours.admin.post(path, json={"name": "A"}, headers=headers)
    assert answer.status_code == 201


@pytest.fixture
async def without_dynamodb(settings: Settings, app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    assert app.state.services
    nowhere = {"aws_endpoint_url_dynamodb": "http://127.0.0.1:1"}
    lonely = create_app(settings.model_copy(update=nowhere))
    async with (
        lonely.router.lifespan_context(lonely),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(lonely),
            base_url="http://parley.test",
            headers={"Authorization": f"Bearer {ADMIN_KEY}"},
        ) as client,
    ):
        yield client


async def test_without_dynamodb_nothing_runs_unprotected_and_the_rest_goes_on(
    ours: Organization, without_dynamodb: httpx.AsyncClient
) -> None:
    path = f"{ours.path}/assistants"
    refused = await without_dynamodb.post(path, json={"name": "A"}, headers=key())
    check_problem(refused, 503)
    assert refused.headers["retry-after"]
    assert (await ours.viewer.get(path)).json()["items"] == []
    assert (await without_dynamodb.post(path, json={"name": "A"})).status_code == 201
