"""Pinecone over HTTP as its documents API describes it, as far as indexes of vectors need it.

Like the real one it is late: a write is answered with its log position and is seen by searches only
some searches later, a deletion too. Each thing that goes wrong there has a switch here: throttling,
failures, connections that break, an index that takes its time. What exceeds the documented limits
is refused, as a whole.
"""

import json
import math
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.pinecone_emulator.filters import matches
from tests.pinecone_emulator.limits import (
    MAX_INDEXES,
    MAX_REQUEST_BYTES,
    refused_filter,
    refused_index,
    refused_namespace,
    refused_search,
    refused_write,
)

HOSTS: Final = "/hosts"
"""Where the data planes of the indexes are; the control plane has all the rest."""

Record = dict[str, Any]


@dataclass
class Namespace:
    visible: dict[str, Record] = field(default_factory=dict)
    """What searches see."""
    waiting: deque[tuple[int, int, dict[str, Record | None]]] = field(default_factory=deque)
    """Writes: log position, searches until they are seen, records by id (`None`: deleted)."""
    committed: int = 0
    indexed: int = 0

    def latest(self) -> dict[str, Record]:
        """What searches will see in the end."""
        records: dict[str, Record | None] = dict(self.visible)
        for _, _, changes in self.waiting:
            records.update(changes)
        return {id_: record for id_, record in records.items() if record is not None}

    def write(self, changes: dict[str, Record | None], *, lag: int) -> int:
        self.committed += 1
        self.waiting.append((self.committed, lag, changes))
        self.settle()
        return self.committed

    def settle(self) -> None:
        while self.waiting and self.waiting[0][1] <= 0:
            position, _, changes = self.waiting.popleft()
            self.indexed = position
            for id_, record in changes.items():
                if record is None:
                    self.visible.pop(id_, None)
                else:
                    self.visible[id_] = record

    def a_search_passes(self) -> None:
        self.waiting = deque((lsn, lag - 1, changes) for lsn, lag, changes in self.waiting)
        self.settle()


@dataclass
class Index:
    """One index: how it was made, and what is in it."""

    description: dict[str, Any]
    dimension: int
    namespaces: dict[str, Namespace] = field(default_factory=dict)


class PineconeEmulator:
    """One project: its indexes, what it was asked, and what goes wrong next."""

    def __init__(self, *, api_key: str) -> None:
        self.api_key = api_key
        self.url = ""
        """Where it is served; the host of every index is below it."""
        self.lag = 0
        """Searches that a write stays unseen for."""
        self.throttle: deque[str | None] = deque()
        """The next requests are refused with 429 and this `Retry-After`."""
        self.failures: deque[int] = deque()
        """The next requests are answered with these statuses."""
        self.resets = 0
        """So many of the next connections break before they are answered, the request undone."""
        self.lost_answers = 0
        """So many of the next requests are carried out, and their connections break then."""
        self.slow_to_start = False
        """A new index is not ready until this is taken back."""
        self.requests: list[str] = []
        self.indexes: dict[str, Index] = {}
        api = FastAPI()
        api.middleware("http")(self._gate)
        api.get("/indexes")(self._list)
        api.get("/indexes/{name}")(self._describe)
        api.post("/indexes")(self._create)
        of_namespace = HOSTS + "/{name}/namespaces/{namespace}"
        api.post(of_namespace + "/documents/upsert")(self._upsert)
        api.post(of_namespace + "/documents/search")(self._search)
        api.post(of_namespace + "/documents/delete")(self._delete)
        api.delete(of_namespace)(self._delete_namespace)
        self._api = api

    @property
    def application(self) -> ASGIApp:
        return self

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request as an ASGI application does."""
        if self.resets > 0:
            self.resets -= 1
            await _break_off(send)
        elif self.lost_answers > 0:
            self.lost_answers -= 1
            await self._api(scope, receive, _swallow)
            await _break_off(send)
        else:
            await self._api(scope, receive, send)

    @property
    def namespaces(self) -> dict[str, Namespace]:
        """Of the one index that there is."""
        [index] = self.indexes.values()
        return index.namespaces

    async def _gate(self, request: Request, call_next: Any) -> Response:
        self.requests.append(f"{request.method} {request.url.path}")
        if request.headers.get("api-key") != self.api_key:
            return _problem(401, "UNAUTHENTICATED", "Invalid API Key")
        if self.throttle:
            after = self.throttle.popleft()
            headers = {} if after is None else {"retry-after": after}
            return _problem(429, "RESOURCE_EXHAUSTED", "Too many requests", headers)
        if self.failures:
            return _problem(self.failures.popleft(), "INTERNAL", "Something went wrong")
        if len(await request.body()) > MAX_REQUEST_BYTES:
            return _problem(413, "PAYLOAD_TOO_LARGE", "The request is larger than 2 MB")
        response: Response = await call_next(request)
        return response

    def _described(self, name: str) -> dict[str, Any]:
        status = {"ready": True, "state": "Ready"}
        if self.slow_to_start:
            status = {"ready": False, "state": "Initializing"}
        return self.indexes[name].description | {"status": status}

    async def _list(self) -> JSONResponse:
        return JSONResponse({"indexes": [self._described(name) for name in self.indexes]})

    async def _describe(self, name: str) -> JSONResponse:
        if name not in self.indexes:
            return _problem(404, "NOT_FOUND", f"Resource {name} not found")
        return JSONResponse(self._described(name))

    async def _create(self, request: Request) -> JSONResponse:
        body = await request.json()
        name = body["name"]
        if name in self.indexes:
            return _problem(409, "ALREADY_EXISTS", "Resource already exists")
        if (reason := refused_index(body)) is not None:
            return _problem(400, "INVALID_ARGUMENT", reason)
        if len(self.indexes) == MAX_INDEXES:
            return _problem(403, "QUOTA_EXCEEDED", "The project has as many indexes as it may")
        [declared] = body["schema"]["fields"].values()
        self.indexes[name] = Index(
            {
                "name": name,
                "schema": body["schema"],
                "deployment": body["deployment"] | {"environment": "local"},
                "tags": body.get("tags"),
                "deletion_protection": "disabled",
                "host": f"{self.url}{HOSTS}/{name}",
            },
            declared["dimension"],
        )
        return JSONResponse(self._described(name), status_code=201)

    async def _upsert(self, name: str, namespace: str, request: Request) -> JSONResponse:
        index = self.indexes[name]
        documents = (await request.json())["documents"]
        reason = refused_namespace(namespace) or refused_write(documents, dimension=index.dimension)
        if reason is not None:
            return _problem(400, "INVALID_ARGUMENT", reason)
        space = index.namespaces.setdefault(namespace, Namespace())
        position = space.write({document["_id"]: document for document in documents}, lag=self.lag)
        return JSONResponse(
            {"upserted_count": len(documents)},
            status_code=202,
            headers={"x-pinecone-request-lsn": str(position)},
        )

    async def _search(self, name: str, namespace: str, request: Request) -> JSONResponse:
        index, body = self.indexes[name], await request.json()
        space = index.namespaces.get(namespace)
        if space is None:
            return _no_namespace(namespace)
        condition = body.get("filter") or {}
        reason = refused_search(body, dimension=index.dimension) or refused_filter(condition)
        if reason is not None:
            return _problem(400, "INVALID_ARGUMENT", reason)
        [clause] = body["score_by"]
        found: list[dict[str, Any]] = [
            {"_id": id_, "_score": _cosine(clause["values"], record[clause["field"]])}
            for id_, record in space.visible.items()
            if matches(record, condition)
        ]
        found.sort(key=lambda match: (-match["_score"], match["_id"]))
        answer = JSONResponse(
            {
                "matches": found[: body["top_k"]],
                "namespace": namespace,
                "usage": {"read_units": 1},
            },
            headers={"x-pinecone-max-indexed-lsn": str(space.indexed)},
        )
        space.a_search_passes()
        return answer

    async def _delete(self, name: str, namespace: str, request: Request) -> JSONResponse:
        condition = (await request.json())["filter"]
        space = self.indexes[name].namespaces.get(namespace)
        if space is None:
            return _no_namespace(namespace)
        if (reason := refused_filter(condition)) is not None:
            return _problem(400, "INVALID_ARGUMENT", reason)
        gone = [id_ for id_, record in space.latest().items() if matches(record, condition)]
        position = space.write(dict.fromkeys(gone), lag=self.lag)
        return JSONResponse(
            {"matched_records": len(gone)},
            status_code=202,
            headers={"x-pinecone-request-lsn": str(position)},
        )

    async def _delete_namespace(self, name: str, namespace: str) -> JSONResponse:
        if self.indexes[name].namespaces.pop(namespace, None) is None:
            return _no_namespace(namespace)
        return JSONResponse({}, status_code=202)


async def _break_off(send: Send) -> None:
    """Begin an answer and leave it: the server closes the connection."""
    headers = [(b"content-length", b"100")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})


async def _swallow(_message: Any) -> None:
    """An answer that never arrives."""


def _cosine(left: list[float], right: list[float]) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True)) / (
        math.hypot(*left) * math.hypot(*right)
    )


def _no_namespace(namespace: str) -> JSONResponse:
    return _problem(404, "NOT_FOUND", f"Namespace {json.dumps(namespace)} not found")


def _problem(
    status: int, code: str, message: str, headers: dict[str, str] | None = None
) -> JSONResponse:
    return JSONResponse(
        {"error": {"code": code, "message": message}, "status": status},
        status_code=status,
        headers=headers,
    )
