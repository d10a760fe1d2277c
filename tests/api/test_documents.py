"""A document goes in whole, or not at all."""

import hashlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from botocore.exceptions import EndpointConnectionError
from fastapi import FastAPI
from temporalio.api.enums.v1 import EventType
from temporalio.service import RPCError

from adapters.postgres.documents import unused_contents
from adapters.postgres.tables import Document
from api.app import create_app
from api.services import Services
from contracts.ids import DocumentId, OrganizationId, ingestion_workflow_id
from contracts.ingestion import IngestDocument
from settings import Settings
from tests.api.conftest import ADMIN_KEY, Organization, check_problem, created


@pytest.fixture
async def documents(ours: Organization) -> str:
    knowledge_base = await created(ours.admin, f"{ours.path}/knowledge-bases", name="Menu")
    return f"{ours.path}/knowledge-bases/{knowledge_base['id']}/documents"


@pytest.fixture
async def services(app: FastAPI) -> Services:
    services: Services = app.state.services
    return services


async def test_a_text_is_stored_and_its_ingestion_starts(
    ours: Organization, documents: str, services: Services
) -> None:
    document = await created(
        ours.admin, documents, status=202, title="Hours", text="Open from 9 to 5."
    )
    assert document["status"] == "pending"
    organization = OrganizationId(ours.id)
    digest = hashlib.sha256(b"Open from 9 to 5.").hexdigest()
    assert await services.objects.get(organization, digest) == b"Open from 9 to 5."

    handle = services.temporal.get_workflow_handle(
        ingestion_workflow_id(DocumentId(document["id"]))
    )
    description = await handle.describe()
    assert description.workflow_type == "IngestDocument"
    assert description.task_queue == "ingestion"
    started = (await handle.fetch_history()).events[0].workflow_execution_started_event_attributes
    (argument,) = await services.temporal.data_converter.decode(
        started.input.payloads, [IngestDocument]
    )
    assert argument.organization_id == ours.id
    assert argument.document_id == document["id"]


async def test_a_file_keeps_its_name_and_type(ours: Organization, documents: str) -> None:
    response = await ours.admin.post(
        documents, files={"file": ("../../menú\x01.pdf", b"%PDF-1.7 ...", "application/pdf")}
    )
    assert response.status_code == 202, response.text
    document = response.json()
    # A client escapes control characters in a file's name, or sends them; none is kept.
    assert document["filename"] in ("menú%01.pdf", "menú.pdf")
    assert document["title"] == document["filename"]
    assert (document["media_type"], document["size_bytes"]) == ("application/pdf", 12)
    titled = await ours.admin.post(
        documents, files={"file": ("a.md", b"# A", "text/markdown")}, data={"title": "The menu"}
    )
    assert titled.json()["title"] == "The menu"


async def test_a_file_larger_than_other_bodies_is_taken_as_it_is(
    ours: Organization, documents: str, services: Services
) -> None:
    content = bytes(range(256)) * 4096 * 20
    response = await ours.admin.post(documents, files={"file": ("a.txt", content, "text/plain")})
    assert response.status_code == 202, response.text
    assert response.json()["size_bytes"] == len(content)
    digest = hashlib.sha256(content).hexdigest()
    assert await services.objects.get(OrganizationId(ours.id), digest) == content


@pytest.mark.parametrize(
    ("status", "arguments"),
    [
        (415, {"content": b"text", "headers": {"Content-Type": "text/plain"}}),
        (415, {}),
        (400, {"content": b"{", "headers": {"Content-Type": "application/json"}}),
        (400, {"content": b"\xff", "headers": {"Content-Type": "application/json"}}),
        (422, {"json": {"title": "A"}}),
        (422, {"json": {"title": "A", "text": "\x00"}}),
        (422, {"json": [1]}),
        (422, {"files": {"file": ("a.txt", b"", "text/plain")}}),
        (422, {"files": {"other": ("a.txt", b"a", "text/plain")}}),
        (422, {"data": {"file": "no file"}, "files": {"x": b"a"}}),
        (400, {"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}),
        (400, {"content": b"x", "headers": {"Content-Type": "multipart/form-data; boundary=b"}}),
    ],
)
async def test_what_is_no_document_is_a_problem(
    ours: Organization, documents: str, status: int, arguments: dict[str, Any]
) -> None:
    response = await ours.admin.post(documents, **arguments)
    check_problem(response, status)
    assert (await ours.viewer.get(documents)).json()["items"] == []


async def test_of_several_files_a_bad_one_holds_up_none_of_the_others(
    ours: Organization, documents: str
) -> None:
    files = [
        ("file", ("a.txt", b"Some words", "text/plain")),
        ("file", ("empty.pdf", b"", "application/pdf")),
        ("file", ("b.md", b"# Others", "text/markdown")),
    ]
    headers = {"Idempotency-Key": "several-files"}
    first = await ours.admin.post(documents, files=files, headers=headers)
    assert first.status_code == 202, first.text
    items = first.json()["items"]
    assert [one["filename"] for one in items] == ["a.txt", "empty.pdf", "b.md"]
    assert [one["document"] and one["document"]["title"] for one in items] == [
        "a.txt", None, "b.md",
    ]  # fmt: skip
    assert items[1]["problem"]["status"] == 422
    assert "empty" in items[1]["problem"]["detail"]
    assert "etag" not in first.headers
    again = await ours.admin.post(documents, files=files, headers=headers)
    assert again.json() == first.json()
    listed = (await ours.viewer.get(documents)).json()["items"]
    assert sorted(one["title"] for one in listed) == ["a.txt", "b.md"]


async def test_a_title_goes_with_one_file(ours: Organization, documents: str) -> None:
    files = [("file", (name, b"Words", "text/plain")) for name in ("a.txt", "b.txt")]
    response = await ours.admin.post(documents, files=files, data={"title": "Both"})
    assert "one file" in check_problem(response, 422)["detail"]
    assert (await ours.viewer.get(documents)).json()["items"] == []


@pytest.mark.parametrize(
    ("filename", "shown", "content_type"),
    [
        ("menú.pdf", "inline", "application/pdf"),
        ("a.md", "inline", "text/plain; charset=utf-8"),
        ("a.html", "attachment", "application/octet-stream"),
        ("a.svg", "attachment", "application/octet-stream"),
        ("a.docx", "attachment", "application/octet-stream"),
    ],
)
async def test_a_viewer_is_led_to_the_file_and_nothing_in_it_can_run(
    ours: Organization, documents: str, filename: str, shown: str, content_type: str
) -> None:
    made = await ours.admin.post(documents, files={"file": (filename, b"Words", "text/html")})
    led = await ours.viewer.get(f"{documents}/{made.json()['id']}/content")
    assert led.status_code == 307, led.text
    assert led.headers["cache-control"] == "no-store"
    async with httpx.AsyncClient() as browser:
        file = await browser.get(led.headers["location"])
    assert file.content == b"Words"
    disposition = file.headers["content-disposition"]
    assert disposition.startswith(shown)
    assert quote(filename) in disposition
    assert file.headers["content-type"] == content_type


async def test_a_content_is_replaced_and_its_ingestion_told(
    ours: Organization, documents: str, services: Services
) -> None:
    made = await created(ours.admin, documents, status=202, title="Hours", text="From 9.")
    address = f"{documents}/{made['id']}"
    stale = {"If-Match": '"17"'}
    check_problem(
        await ours.admin.put(f"{address}/content", json={"text": "X"}, headers=stale), 412
    )
    check_problem(await ours.viewer.put(f"{address}/content", json={"text": "X"}), 403)
    check_problem(await ours.admin.put(f"{address}/content", json={"text": ""}), 422)
    replaced = await ours.admin.put(
        f"{address}/content", files={"file": ("hours.txt", b"From 10.", "text/plain")}
    )
    assert replaced.status_code == 202, replaced.text
    document = replaced.json()
    assert (document["title"], document["filename"]) == ("Hours", "hours.txt")
    assert (document["status"], document["size_bytes"]) == ("pending", 8)
    assert document["revision"] > made["revision"]
    organization = OrganizationId(ours.id)
    assert not await services.objects.exists(organization, hashlib.sha256(b"From 9.").hexdigest())
    assert await services.objects.exists(organization, hashlib.sha256(b"From 10.").hexdigest())
    handle = services.temporal.get_workflow_handle(ingestion_workflow_id(made["id"]))
    signals = [
        event.workflow_execution_signaled_event_attributes.signal_name
        for event in (await handle.fetch_history()).events
        if event.HasField("workflow_execution_signaled_event_attributes")
    ]
    assert signals == ["content_replaced"]


async def test_the_file_that_is_still_searched_stays_until_the_new_one_is_on(
    ours: Organization, documents: str, services: Services
) -> None:
    made = await created(ours.admin, documents, status=202, title="Hours", text="Searched.")
    organization, searched = OrganizationId(ours.id), hashlib.sha256(b"Searched.").hexdigest()
    async with services.database.tenant(organization) as session:
        row = await session.get_one(Document, made["id"])
        row.active_sha256, row.active_version = searched, 1
        session.add(row)
    for text in ("Second.", "Third."):
        answer = await ours.admin.put(f"{documents}/{made['id']}/content", json={"text": text})
        assert answer.status_code == 202
    stored = {
        text: await services.objects.exists(organization, hashlib.sha256(text.encode()).hexdigest())
        for text in ("Searched.", "Second.", "Third.")
    }
    assert stored == {"Searched.": True, "Second.": False, "Third.": True}
    assert (await ours.admin.delete(f"{documents}/{made['id']}")).status_code == 204
    assert not await services.objects.exists(organization, searched)


async def test_without_a_workflow_engine_a_replacement_changes_nothing(
    ours: Organization,
    documents: str,
    without_temporal: httpx.AsyncClient,
    services: Services,
) -> None:
    made = await created(ours.admin, documents, status=202, title="Hours", text="As it was.")
    address = f"{documents}/{made['id']}"
    response = await without_temporal.put(f"{address}/content", json={"text": "Never."})
    check_problem(response, 503)
    check_problem(await without_temporal.post(f"{address}/retry"), 503)
    assert (await ours.viewer.get(address)).json() == made
    organization = OrganizationId(ours.id)
    assert await services.objects.exists(organization, hashlib.sha256(b"As it was.").hexdigest())
    assert not await services.objects.exists(organization, hashlib.sha256(b"Never.").hexdigest())


async def test_what_failed_is_tried_again_and_what_is_ready_is_not(
    ours: Organization, documents: str, services: Services
) -> None:
    made = await created(ours.admin, documents, status=202, title="Hours", text="Words.")
    address, organization = f"{documents}/{made['id']}", OrganizationId(ours.id)

    async def has(status: str, error: str | None) -> None:
        async with services.database.tenant(organization) as session:
            row = await session.get_one(Document, made["id"])
            row.status, row.error = status, error
            session.add(row)

    await has("failed", "The model server could not be reached.")
    tried = await ours.admin.post(f"{address}/retry")
    assert tried.status_code == 202, tried.text
    assert (tried.json()["status"], tried.json()["error"]) == ("pending", None)
    await has("ready", None)
    assert "ready" in check_problem(await ours.admin.post(f"{address}/retry"), 409)["detail"]


async def test_deleting_a_knowledge_base_stops_the_ingestions_of_its_documents(
    ours: Organization, documents: str, services: Services
) -> None:
    made = [
        await created(ours.admin, documents, status=202, title=f"{n}", text="Words.")
        for n in range(3)
    ]
    assert (await ours.admin.delete(documents.removesuffix("/documents"))).status_code == 204
    for one in made:
        handle = services.temporal.get_workflow_handle(ingestion_workflow_id(one["id"]))
        kinds = {event.event_type for event in (await handle.fetch_history()).events}
        assert EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED in kinds


async def test_a_deleted_document_takes_its_file_along_unless_another_needs_it(
    ours: Organization, documents: str, services: Services
) -> None:
    first = await created(ours.admin, documents, status=202, title="One", text="Same words")
    second = await created(ours.admin, documents, status=202, title="Two", text="Same words")
    digest = hashlib.sha256(b"Same words").hexdigest()
    organization = OrganizationId(ours.id)

    assert (await ours.admin.delete(f"{documents}/{first['id']}")).status_code == 204
    assert await services.objects.exists(organization, digest)
    check_problem(await ours.viewer.get(f"{documents}/{first['id']}"), 404)

    knowledge_base = documents.removesuffix("/documents")
    assert (await ours.admin.delete(knowledge_base)).status_code == 204
    assert not await services.objects.exists(organization, digest)
    check_problem(await ours.viewer.get(f"{documents}/{second['id']}"), 404)


async def test_a_document_is_deleted_also_when_its_file_stays_behind(
    ours: Organization,
    documents: str,
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def down(*_arguments: object) -> None:
        raise EndpointConnectionError(endpoint_url="s3")

    made = await created(ours.admin, documents, status=202, title="One", text="Kept by S3")
    with monkeypatch.context() as patch:
        patch.setattr(services.objects, "delete", down)
        assert (await ours.admin.delete(f"{documents}/{made['id']}")).status_code == 204
    check_problem(await ours.viewer.get(f"{documents}/{made['id']}"), 404)


async def test_of_any_number_of_contents_those_without_a_document_are_told(
    ours: Organization, documents: str, services: Services
) -> None:
    await created(ours.admin, documents, status=202, title="One", text="Needed")
    needed = hashlib.sha256(b"Needed").hexdigest()
    others = [f"{number:064x}" for number in range(70_000)]
    async with services.database.tenant(OrganizationId(ours.id)) as session:
        assert await unused_contents(session, [needed, *others]) == set(others)


async def test_documents_are_listed_by_status(ours: Organization, documents: str) -> None:
    made = await created(ours.admin, documents, status=202, title="One", text="Words")
    pending = (await ours.viewer.get(documents, params={"status": "pending"})).json()
    assert [one["id"] for one in pending["items"]] == [made["id"]]
    assert (await ours.viewer.get(documents, params={"status": "ready"})).json()["items"] == []
    check_problem(await ours.viewer.get(documents, params={"status": "lost"}), 422)


@pytest.fixture
async def without_temporal(settings: Settings, app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """An API process whose Temporal server is gone."""
    assert app.state.services
    lonely = create_app(settings.model_copy(update={"temporal_address": "127.0.0.1:1"}))
    async with (
        lonely.router.lifespan_context(lonely),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(lonely),
            base_url="http://parley.test",
            headers={"Authorization": f"Bearer {ADMIN_KEY}"},
        ) as client,
    ):
        yield client


async def test_without_a_workflow_engine_nothing_is_left_behind(
    ours: Organization,
    documents: str,
    without_temporal: httpx.AsyncClient,
    services: Services,
) -> None:
    response = await without_temporal.post(documents, json={"title": "A", "text": "Lost words"})
    problem = check_problem(response, 503)
    assert "workflow engine" in problem["detail"]
    assert response.headers["retry-after"]
    assert (await ours.viewer.get(documents)).json()["items"] == []
    digest = hashlib.sha256(b"Lost words").hexdigest()
    assert not await services.objects.exists(OrganizationId(ours.id), digest)

    ready = await without_temporal.get("/readyz")
    assert ready.status_code == 503
    states = ready.json()["dependencies"]
    assert states["postgres"] == {"ready": True}
    assert states["temporal"]["ready"] is False
    with pytest.raises((RPCError, RuntimeError)):
        await services.temporal.get_workflow_handle("ingest/doc_none").describe()
