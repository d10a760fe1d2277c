"""Meta's side of a file, as a server that can be told to behave badly; and ready-made files."""

import base64
import hashlib
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from contracts.conversation import MediaReference

TOKEN = "the access token"

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(range(256)) * 4
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4
OGG = b"OggS\x00\x02" + bytes(range(256)) * 4
MP4 = b"\x00\x00\x00\x18ftypmp42" + bytes(range(256)) * 4
STICKER = b"RIFF\x00\x04\x00\x00WEBPVP8X\x0a\x00\x00\x00\x10\x00\x00\x00" + bytes(500)
MOVING_STICKER = b"RIFF\x00\x04\x00\x00WEBPVP8X\x0a\x00\x00\x00\x12\x00\x00\x00" + bytes(500)


def reference(content: bytes, *, mime_type: str | None = None, **more: Any) -> MediaReference:
    """As a webhook would name the file."""
    sha256 = base64.b64encode(hashlib.sha256(content).digest()).decode()
    known: dict[str, Any] = {"media_id": "1", "sha256": sha256, "mime_type": mime_type}
    return MediaReference(**known | more)


@dataclass
class MetaMedia:
    """Serves `content` under every id that has no file of its own. `answers` are given to downloads
    before the file is."""

    content: bytes
    mime_type: str = "image/jpeg"
    files: dict[str, bytes] = field(default_factory=dict)
    """By media id."""
    answers: deque[Response] = field(default_factory=deque)
    info_answers: deque[Response] = field(default_factory=deque)
    info: dict[str, Any] = field(default_factory=dict)
    """Replaces what is told of the file."""
    asked: list[str] = field(default_factory=list)
    """`info` or `file`, in order."""
    tokens: list[str | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.application = FastAPI()
        self.application.get("/v24.0/{media_id}")(self._tell)
        self.application.get("/file")(self._serve)

    async def _tell(self, media_id: str, request: Request) -> Response:
        self._note("info", request)
        if self.info_answers:
            return self.info_answers.popleft()
        content = self.files.get(media_id, self.content)
        told = {
            "messaging_product": "whatsapp",
            "url": f"{request.base_url}file?id={media_id}",
            "mime_type": self.mime_type,
            "sha256": hashlib.sha256(content).hexdigest(),
            "file_size": len(content),
            "id": media_id,
        }
        return JSONResponse(told | self.info)

    async def _serve(self, request: Request, id: str = "") -> Response:
        self._note("file", request)
        if self.answers:
            return self.answers.popleft()
        return Response(self.files.get(id, self.content), media_type=self.mime_type)

    def _note(self, what: str, request: Request) -> None:
        self.asked.append(what)
        self.tokens.append(request.headers.get("authorization"))


def graph_error(code: int, status: int = 400, **headers: str) -> Response:
    body = {"error": {"message": "no", "code": code}}
    return JSONResponse(body, status_code=status, headers=headers)


def redirect(url: str) -> Response:
    return RedirectResponse(url, status_code=302)
