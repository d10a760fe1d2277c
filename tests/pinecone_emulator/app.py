"""Pinecone over HTTP as its documents API describes it, as far as an index of vectors needs it.

Like the real one it is late: a write is answered with its log position and is seen by searches only
some searches later. It throttles when told to, and refuses what exceeds the documented limits.
"""

import json
import math
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

MAX_RECORDS = 1000
MAX_REQUEST_BYTES = 2 * 1024 * 1024
MAX_METADATA_BYTES = 40 * 1024
MAX_ID_LENGTH = 512
MAX_TOP_K = 10_000

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


class PineconeEmulator:
    """One project: its indexes, what it was asked, and what goes wrong next."""

    def __init__(self, *, api_key: str) -> None:
        self.api_key = api_key
        self.url = ""
        """Where it is served; the host of every index."""
        self.lag = 0
        """Searches that a write stays unseen for."""
        self.throttle: deque[str | None] = deque()
        """The next requests are refused with 429 and this `Retry-After`."""
        self.failures: deque[int] = deque()
        """The next requests are answered with these statuses."""
        self.requests: list[str] = []
        self.indexes: dict[str, dict[str, Any]] = {}
        self.namespaces: dict[str, Namespace] = {}
        self.application = FastAPI()
        self.application.middleware("http")(self._gate)
        self.application.get("/indexes/{name}")(self._describe)
        self.application.post("/indexes")(self._create)
        self.application.post("/namespaces/{namespace}/documents/upsert")(self._upsert)
        self.application.post("/namespaces/{namespace}/documents/search")(self._search)
        self.application.post("/namespaces/{namespace}/documents/delete")(self._delete)
        self.application.delete("/namespaces/{namespace}")(self._delete_namespace)

    async def _gate(self, request: Request, call_next: Any) -> Response:
        self.requests.append(f"{request.method} {request.url.path}")
        if request.headers.get("api-key") != self.api_key:
            return _problem(401, "UNAUTHENTICATED")
        if self.throttle:
            after = self.throttle.popleft()
            headers = {} if after is None else {"retry-after": after}
            return _problem(429, "RESOURCE_EXHAUSTED", headers)
        if self.failures:
            return _problem(self.failures.popleft(), "INTERNAL")
        if len(await request.body()) > MAX_REQUEST_BYTES:
            return _problem(413, "PAYLOAD_TOO_LARGE")
        response: Response = await call_next(request)
        return response

    async def _describe(self, name: str) -> JSONResponse:
        if name not in self.indexes:
            return _problem(404, "NOT_FOUND")
        return JSONResponse(self.indexes[name])

    async def _create(self, request: Request) -> JSONResponse:
        body = await request.json()
        if body["name"] in self.indexes:
            return _problem(409, "ALREADY_EXISTS")
        self.indexes[body["name"]] = {
            "name": body["name"],
            "schema": body["schema"],
            "deployment": body["deployment"] | {"environment": "local"},
            "tags": body.get("tags"),
            "deletion_protection": "disabled",
            "host": self.url,
            "status": {"ready": True, "state": "Ready"},
        }
        return JSONResponse(self.indexes[body["name"]], status_code=201)

    async def _upsert(self, namespace: str, request: Request) -> JSONResponse:
        documents = (await request.json())["documents"]
        if not 0 < len(documents) <= MAX_RECORDS:
            return _problem(400, "INVALID_ARGUMENT")
        for document in documents:
            if (reason := self._unacceptable(document)) is not None:
                return _problem(400, reason)
        space = self.namespaces.setdefault(namespace, Namespace())
        position = space.write({document["_id"]: document for document in documents}, lag=self.lag)
        return JSONResponse(
            {"upserted_count": len(documents)},
            status_code=202,
            headers={"x-pinecone-request-lsn": str(position)},
        )

    async def _search(self, namespace: str, request: Request) -> JSONResponse:
        body = await request.json()
        space = self.namespaces.get(namespace)
        if space is None:
            return _problem(404, "NOT_FOUND")
        [clause] = body["score_by"]
        if not 0 < body["top_k"] <= MAX_TOP_K or len(clause["values"]) != self._dimension():
            return _problem(400, "INVALID_ARGUMENT")
        matching: list[dict[str, Any]] = [
            {"_id": id_, "_score": _cosine(clause["values"], record[clause["field"]])}
            for id_, record in space.visible.items()
            if _matches(record, body.get("filter") or {})
        ]
        matching.sort(key=lambda match: (-match["_score"], match["_id"]))
        answer = JSONResponse(
            {
                "matches": matching[: body["top_k"]],
                "namespace": namespace,
                "usage": {"read_units": 1},
            },
            headers={"x-pinecone-max-indexed-lsn": str(space.indexed)},
        )
        space.a_search_passes()
        return answer

    async def _delete(self, namespace: str, request: Request) -> JSONResponse:
        condition = (await request.json())["filter"]
        space = self.namespaces.get(namespace)
        if space is None:
            return _problem(404, "NOT_FOUND")
        gone = [id_ for id_, record in space.latest().items() if _matches(record, condition)]
        position = space.write(dict.fromkeys(gone), lag=self.lag)
        return JSONResponse(
            {"matched_records": len(gone)},
            status_code=202,
            headers={"x-pinecone-request-lsn": str(position)},
        )

    async def _delete_namespace(self, namespace: str) -> JSONResponse:
        if self.namespaces.pop(namespace, None) is None:
            return _problem(404, "NOT_FOUND")
        return JSONResponse({}, status_code=202)

    def _dimension(self) -> int:
        [index] = self.indexes.values()
        [searched] = index["schema"]["fields"].values()
        dimension: int = searched["dimension"]
        return dimension

    def _unacceptable(self, document: Record) -> str | None:
        metadata = {
            key: value for key, value in document.items() if key not in ("_id", "embedding")
        }
        if not document["_id"].isascii() or not 0 < len(document["_id"]) <= MAX_ID_LENGTH:
            return "id"
        if len(document.get("embedding", ())) != self._dimension():
            return "dimension"
        if not any(document["embedding"]):
            return "zero vector"
        if len(json.dumps(metadata)) > MAX_METADATA_BYTES:
            return "metadata size"
        if any(value is None or isinstance(value, dict) for value in metadata.values()):
            return "metadata shape"
        return None


def _matches(record: Record, condition: dict[str, Any]) -> bool:
    return all(
        _holds(record.get(name), operator, operand)
        for name, test in condition.items()
        for operator, operand in test.items()
    )


def _holds(value: Any, operator: str, operand: Any) -> bool:
    match operator:
        case "$eq":
            return bool(value == operand)
        case "$lt":
            return bool(value < operand)
        case "$in":
            return value in operand
        case "$nin":
            return value not in operand
    raise ValueError(f"the emulator does not know {operator}")


def _cosine(left: list[float], right: list[float]) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True)) / (
        math.hypot(*left) * math.hypot(*right)
    )


def _problem(status: int, code: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse(
        {"error": {"code": code, "message": code.lower()}, "status": status},
        status_code=status,
        headers=headers,
    )
