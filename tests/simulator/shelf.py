"""A stand-in for an assistant's knowledge as Parley's API tells of it: one knowledge base."""

from collections.abc import Callable
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

KNOWLEDGE_BASE = "kb_1"
PROTECTED = "The PDF is protected with a password: remove it and upload the file again."
UNSUPPORTED = "Programs are not read."

Answer = Callable[..., Response]


class Shelf:
    """Documents are on their way at the first look and settled at the next one."""

    def __init__(self, base: str, answer: Answer) -> None:
        """
        Args:
            answer: answers a request if it comes with the right key.
        """
        self._answer = answer
        self._base = base
        self.documents: list[dict[str, Any]] = []
        self.contents: dict[str, bytes] = {}
        path = f"{base}/knowledge-bases/{KNOWLEDGE_BASE}"
        self.routes = [
            Route(f"{base}/assistants/ast_1", self.assistant),
            Route(path, self.knowledge_base),
            Route(f"{path}/documents", self.listed),
            Route(f"{path}/documents", self.upload, methods=["POST"]),
            Route(f"{path}/documents/{{id}}", self.delete, methods=["DELETE"]),
            Route(f"{path}/documents/{{id}}/content", self.content),
            Route("/files/{id}", self.file),
        ]

    async def assistant(self, request: Request) -> Response:
        return self._answer(request, {"id": "ast_1", "knowledge_base_ids": [KNOWLEDGE_BASE]})

    async def knowledge_base(self, request: Request) -> Response:
        return self._answer(request, {"id": KNOWLEDGE_BASE, "name": "Handbook"})

    async def listed(self, request: Request) -> Response:
        shown = [dict(document) for document in self.documents]
        for document in self.documents:
            if document["status"] == "processing":
                locked = document["title"].startswith("locked")
                document["status"] = "failed" if locked else "ready"
                document["error"] = PROTECTED if locked else None
                document["chunk_count"] = 0 if locked else 3
        return self._answer(request, {"items": shown, "next_cursor": None})

    async def upload(self, request: Request) -> Response:
        async with request.form() as form:
            file = form["file"]
            assert isinstance(file, UploadFile)
            content = await file.read()
            title = file.filename or ""
        if title.endswith(".exe"):
            return self._answer(request, {"detail": UNSUPPORTED}, status=415)
        document = {
            "id": f"doc_{len(self.documents)}", "title": title, "status": "processing",
            "stage": "embedding", "progress": 0.4, "error": None, "chunk_count": 0,
        }  # fmt: skip
        self.documents.append(document)
        self.contents[str(document["id"])] = content
        return self._answer(request, document, status=202)

    async def delete(self, request: Request) -> Response:
        self.documents = [one for one in self.documents if one["id"] != request.path_params["id"]]
        return self._answer(request, {}, status=200)

    async def content(self, request: Request) -> Response:
        document_id = request.path_params["id"]
        if document_id not in self.contents:
            return self._answer(request, {"detail": "no such document"}, status=404)
        allowed = self._answer(request, {})
        if allowed.status_code != 200:
            return allowed
        return RedirectResponse(f"/files/{document_id}")

    async def file(self, request: Request) -> Response:
        """Where a signed address leads: it needs no key."""
        content = self.contents.get(request.path_params["id"])
        if content is None:
            return JSONResponse({}, status_code=404)
        return PlainTextResponse(content)
