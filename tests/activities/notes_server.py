"""An OpenAI-compatible chat endpoint that writes the notes a test wants, and keeps what it saw."""

import asyncio
import json
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from domain.memory import NOTES_MARK

Answer = Callable[["Asked"], str]


@dataclass
class Asked:
    """A request for notes, or for a reply."""

    system: str
    messages: list[dict[str, str]]

    @property
    def is_for_notes(self) -> bool:
        return self.system.startswith(NOTES_MARK)

    def block(self, name: str) -> Any:
        (found,) = re.findall(rf"^<{name}>\n(.*?)\n</{name}>$", self.text, re.DOTALL | re.MULTILINE)
        return json.loads(found)

    @property
    def text(self) -> str:
        return "\n".join(message["content"] for message in self.messages[1:])

    @property
    def said(self) -> list[str]:
        return [row.get("text", "") for row in self.block("transcript")]


def noting(*facts: dict[str, Any], summary: str | None = None) -> Answer:
    """Notes with these facts; the summary tells which messages it has taken in."""

    def answer(asked: Asked) -> str:
        text = summary or " ".join([asked.block("summary"), *asked.said]).strip()
        return json.dumps({"summary": text, "facts": list(facts)})

    return answer


@dataclass
class NotesServer:
    asked: list[Asked] = field(default_factory=list)
    answers: deque[Answer | int] = field(default_factory=deque)
    """Of the next requests; a number is a status to fail with. After them `otherwise`."""
    otherwise: Answer = field(default_factory=noting)
    gate: asyncio.Event | None = None
    """Answers wait for it."""

    def __post_init__(self) -> None:
        self.application = FastAPI()
        self.application.post("/v1/chat/completions")(self._complete)

    async def _complete(self, request: Request) -> JSONResponse:
        messages = (await request.json())["messages"]
        asked = Asked(messages[0]["content"], messages)
        self.asked.append(asked)
        if self.gate is not None:
            await self.gate.wait()
        answer = self.answers.popleft() if self.answers else self.otherwise
        if isinstance(answer, int):
            return JSONResponse({"error": {"message": "no"}}, status_code=answer)
        message = {"role": "assistant", "content": answer(asked)}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return JSONResponse(
            {
                "id": "c", "object": "chat.completion", "created": 1, "model": "notes-model",
                "choices": [choice],
                "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
            }
        )  # fmt: skip
