"""An OpenAI-compatible server for chat and transcription: what it was asked, and what it says."""

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.datastructures import UploadFile


@dataclass(frozen=True)
class HeardRecording:
    """A recording that was sent to be transcribed."""

    filename: str | None
    content_type: str | None
    content: bytes
    model: str
    token: str | None


@dataclass
class SpeakingServer:
    """Answers everything alike. `failures` are given first, of either endpoint."""

    reply: str = "We close at eight."
    transcript: str = "how late are you open"
    usage: dict[str, Any] | None = field(
        default_factory=lambda: {
            "type": "tokens", "input_tokens": 30, "output_tokens": 6, "total_tokens": 36,
        }
    )  # fmt: skip
    failures: deque[Response] = field(default_factory=deque)
    sees: bool = True
    heard: list[HeardRecording] = field(default_factory=list)
    chats: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.application = FastAPI()
        self.application.post("/v1/audio/transcriptions")(self._transcribe)
        self.application.post("/v1/chat/completions")(self._chat)

    async def _transcribe(self, request: Request) -> Response:
        if self.failures:
            return self.failures.popleft()
        async with request.form() as form:
            file = form["file"]
            assert isinstance(file, UploadFile)
            recording = HeardRecording(
                filename=file.filename,
                content_type=file.content_type,
                content=await file.read(),
                model=str(form["model"]),
                token=request.headers.get("authorization"),
            )
        self.heard.append(recording)
        return JSONResponse({"text": self.transcript, "usage": self.usage})

    async def _chat(self, request: Request) -> Response:
        body = await request.json()
        self.chats.append(body)
        if self.failures:
            return self.failures.popleft()
        if not self.sees and images_of(body):
            return failure(400, "this model does not take images")
        message = {"role": "assistant", "content": self.reply}
        return JSONResponse(
            {
                "id": "1",
                "object": "chat.completion",
                "created": 1,
                "model": body["model"],
                "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
                "usage": {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12},
            }
        )


def failure(status: int, message: str = "no") -> Response:
    return JSONResponse({"error": {"message": message}}, status_code=status)


def images_of(body: dict[str, Any]) -> list[str]:
    """Addresses of the pictures in a chat request, of all its messages."""
    return [
        part["image_url"]["url"]
        for message in body["messages"]
        if isinstance(message["content"], list)
        for part in message["content"]
        if part["type"] == "image_url"
    ]


def words_of(body: dict[str, Any]) -> str:
    """The last message's words."""
    content = body["messages"][-1]["content"]
    if isinstance(content, str):
        return content
    return "".join(part["text"] for part in content if part["type"] == "text")
