"""Seeding the demo through HTTP, against an API and a simulator that keep what they are given."""

import itertools
import re
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.demo.api import DemoError
from local.demo.businesses import BUSINESSES, PEOPLE
from local.demo.seed import DemoSummary, seed_demo
from tests.local.model.serving import serving

ADMIN_KEY = "admin-key-of-the-test"
NEEDED = {
    "organizations": {"name"},
    "knowledge-bases": {"name"},
    "assistants": {"name", "instructions", "knowledge_base_ids"},
    "channels": {
        "phone_number_id", "waba_id", "display_phone_number", "access_token", "assistant_id"
    },
    "api-keys": {"name", "role"},
}  # fmt: skip


class Parley:
    """Collections of objects as the REST API names them; documents need some looks to be ready."""

    def __init__(self) -> None:
        self.collections: dict[str, list[dict[str, Any]]] = {}
        self.looks_until_ready = 3
        self.failing: str | None = None
        self.numbers: dict[str, Any] = {}
        self.desks: dict[str, Any] = {}
        self.people: list[dict[str, Any]] = []
        self.notice: str | None = None
        self._ids = itertools.count(1)
        self.app = Starlette(
            routes=[
                Route("/v1/{path:path}", self.api, methods=["GET", "POST", "PATCH", "DELETE"]),
                Route("/simulator/numbers/{number}", self.put_number, methods=["PUT"]),
                Route("/simulator/numbers/{number}/desk", self.desk, methods=["GET", "PUT"]),
                Route("/simulator/people", self.simulated_people, methods=["GET", "POST"]),
                Route("/simulator/notice", self.put_notice, methods=["PUT"]),
            ]
        )

    def all(self, kind: str) -> list[dict[str, Any]]:
        return [
            found
            for path, objects in self.collections.items()
            if path.endswith(kind)
            for found in objects
        ]

    async def api(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {ADMIN_KEY}":
            return JSONResponse({"detail": "the key is not known"}, status_code=401)
        path = request.path_params["path"]
        if request.method == "GET":
            return self._page(path, request)
        if request.method == "POST":
            return await self._create(path, request)
        collection, _, found_id = path.rpartition("/")
        (found,) = (one for one in self.collections[collection] if one["id"] == found_id)
        if request.method == "DELETE":
            self.collections[collection].remove(found)
            return Response(status_code=204)
        found.update(await request.json())
        return JSONResponse(found)

    def _page(self, path: str, request: Request) -> Response:
        objects = self.collections.get(path, [])
        if path.endswith("documents"):
            for document in objects:
                self._progress(document)
        # Pages of two, whatever was asked for, so that cursors matter.
        start = int(request.query_params.get("cursor", 0))
        after = start + 2 if start + 2 < len(objects) else None
        cursor = None if after is None else str(after)
        return JSONResponse({"items": objects[start : start + 2], "next_cursor": cursor})

    def _progress(self, document: dict[str, Any]) -> None:
        document["looks"] += 1
        if document["status"] == "pending" and document["looks"] >= self.looks_until_ready:
            failed = document["title"] == self.failing
            document["status"] = "failed" if failed else "ready"
            document["error"] = "The PDF is protected with a password." if failed else None

    async def _create(self, path: str, request: Request) -> Response:
        kind = path.rsplit("/", 1)[-1]
        if kind == "documents":
            async with request.form() as form:
                file = form["file"]
                assert not isinstance(file, str)
                body: dict[str, Any] = {
                    "title": form["title"],
                    "content": await file.read(),
                    "status": "pending",
                    "looks": 0,
                }
            shown = {**body, "content": len(body["content"])}
        else:
            body = shown = await request.json()
            assert set(body) >= NEEDED[kind], f"{kind} lacks {NEEDED[kind] - set(body)}"
        created = {**shown, "id": f"{kind}-{next(self._ids)}"}
        if kind == "api-keys":
            created["secret"] = f"secret-of-{created['id']}"
        self.collections.setdefault(path, []).append(created)
        return JSONResponse(created, status_code=201)

    async def put_number(self, request: Request) -> Response:
        self.numbers[request.path_params["number"]] = await request.json()
        return JSONResponse({})

    async def desk(self, request: Request) -> Response:
        number = request.path_params["number"]
        if request.method == "PUT":
            self.desks[number] = await request.json()
            return Response(status_code=204)
        where = {
            key: value for key, value in self.desks.get(number, {}).items() if key != "api_key"
        }
        return JSONResponse({"available": bool(where), **where})

    async def simulated_people(self, request: Request) -> Response:
        if request.method == "POST":
            self.people.append(await request.json())
        return JSONResponse({"items": self.people})

    async def put_notice(self, request: Request) -> Response:
        self.notice = (await request.json())["text"]
        return JSONResponse({})


@pytest.fixture
def parley() -> Parley:
    return Parley()


@pytest.fixture
async def url(parley: Parley) -> AsyncIterator[str]:
    async with serving(parley.app) as url:
        yield url


async def seed(url: str, **changes: Any) -> DemoSummary:
    arguments: dict[str, Any] = {
        "api_url": url,
        "admin_key": ADMIN_KEY,
        "simulator_url": url,
        "simulator_access_token": "sending-token",
        "webhook_url": "http://127.0.0.1:8000/webhooks/whatsapp",
        "app_secret": "signing-secret",
        "verify_token": "handshake",
        **changes,
    }
    return await seed_demo(**arguments)


async def test_everything_a_conversation_needs_is_there_afterwards(
    parley: Parley, url: str
) -> None:
    summary = await seed(url)
    assert [business.name for business in summary.businesses] == [b.name for b in BUSINESSES]
    for business, seeded in zip(BUSINESSES, summary.businesses, strict=True):
        path = f"organizations/{seeded.organization_id}"
        (assistant,) = parley.collections[f"{path}/assistants"]
        (channel,) = parley.collections[f"{path}/channels"]
        documents = parley.collections[
            f"{path}/knowledge-bases/{seeded.knowledge_base_id}/documents"
        ]
        assert assistant["knowledge_base_ids"] == [seeded.knowledge_base_id]
        assert channel["assistant_id"] == seeded.assistant_id
        assert channel["phone_number_id"] == business.phone_number_id
        assert channel["access_token"] == "sending-token"
        assert {d["title"]: d["content"] for d in documents} == {
            d.title: d.path.stat().st_size for d in business.documents
        }
        assert {document["status"] for document in documents} == {"ready"}


async def test_the_simulator_learns_numbers_people_and_questions(parley: Parley, url: str) -> None:
    await seed(url, offline_model=True)
    assert set(parley.numbers) == {business.phone_number_id for business in BUSINESSES}
    for business in BUSINESSES:
        assert parley.numbers[business.phone_number_id] == {
            "display_phone_number": business.display_phone_number,
            "name": business.name,
            "waba_id": business.waba_id,
            "app_secret": "signing-secret",
            "access_token": "sending-token",
            "callback_url": "http://127.0.0.1:8000/webhooks/whatsapp",
            "verify_token": "handshake",
            "suggested_questions": list(business.suggested_questions),
        }
    assert [person["wa_id"] for person in parley.people] == [person.wa_id for person in PEOPLE]
    assert parley.notice is not None
    assert "offline model" in parley.notice
    assert "OPENAI_API_KEY" in parley.notice


async def test_seeding_again_adds_nothing(parley: Parley, url: str) -> None:
    first = await seed(url)
    sizes = {path: len(objects) for path, objects in parley.collections.items()}
    assert await seed(url) == first
    assert {path: len(objects) for path, objects in parley.collections.items()} == sizes
    assert len(parley.people) == len(PEOPLE)


async def test_a_new_sending_token_reaches_the_channels(parley: Parley, url: str) -> None:
    await seed(url)
    await seed(url, simulator_access_token="newer-token")
    assert {channel["access_token"] for channel in parley.all("channels")} == {"newer-token"}


async def test_the_page_looks_behind_the_phone_with_a_key_of_its_own(
    parley: Parley, url: str
) -> None:
    summary = await seed(url)
    keys = parley.all("api-keys")
    assert {key["role"] for key in keys} == {"admin"}
    for business in summary.businesses:
        desk = parley.desks[business.phone_number_id]
        (key,) = parley.collections[f"organizations/{business.organization_id}/api-keys"]
        assert desk == {
            "api_url": url,
            "organization_id": business.organization_id,
            "api_key": key["secret"],
        }
    parley.desks.clear()
    await seed(url)
    assert len(parley.all("api-keys")) == 2 * len(keys), "a secret is told only once"


async def test_with_a_real_model_the_notice_goes_away(parley: Parley, url: str) -> None:
    await seed(url, offline_model=True)
    await seed(url, offline_model=False)
    assert parley.notice == ""


async def test_without_a_simulator_only_the_api_is_filled(parley: Parley, url: str) -> None:
    summary = await seed(url, simulator_url=None)
    assert len(summary.businesses) == len(BUSINESSES)
    assert parley.numbers == {}
    assert parley.notice is None


async def test_a_document_that_fails_is_named_with_its_reason_and_tried_again(
    parley: Parley, url: str
) -> None:
    parley.failing = "Renting a bicycle"
    with pytest.raises(DemoError, match=r'"Renting a bicycle" of Harbour Bikes.*password'):
        await seed(url)
    parley.failing = None
    await seed(url)
    assert {document["status"] for document in parley.all("documents")} == {"ready"}


async def test_documents_that_are_never_ready_end_in_a_sentence(parley: Parley, url: str) -> None:
    parley.looks_until_ready = 10**9
    with pytest.raises(DemoError, match="still not ready"):
        await seed(url, ready_within_seconds=0.5)


async def test_a_refused_key_and_a_silent_api_are_sentences(url: str) -> None:
    with pytest.raises(DemoError, match="401: the key is not known"):
        await seed(url, admin_key="wrong")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(DemoError, match="does not answer"):
            await seed(nobody)


def test_numbers_and_people_are_shaped_as_meta_shapes_them() -> None:
    for business in BUSINESSES:
        assert re.fullmatch(r"\d{15}", business.phone_number_id)
        assert all(document.path.is_file() for document in business.documents)
    assert all(re.fullmatch(r"[A-Z]{2}\.[A-Za-z0-9]{1,128}", one.user_id) for one in PEOPLE)
