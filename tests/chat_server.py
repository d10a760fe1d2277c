"""An OpenAI-compatible chat endpoint that answers as it is told to."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from adapters.openai.chat import ChatModels, ModelServer
from tests.http_server import serving

Json = dict[str, Any]


class ChatServer:
    """Answers with the deltas, the body or the refusal that it is given; keeps the requests."""

    def __init__(self) -> None:
        self.asked: list[Json] = []
        self.deltas: list[Json] = [{"content": "We open at nine."}]
        self.whole: Json | None = None
        self.refuses_tools_with: int | None = None
        self.refuses_all_with: int | None = None
        self.application = FastAPI()
        self.application.post("/v1/chat/completions")(self._complete)

    async def _complete(self, request: Request) -> Response:
        body = await request.json()
        self.asked.append(body)
        status = self.refuses_all_with or ("tools" in body and self.refuses_tools_with)
        if status:
            return JSONResponse({"error": {"message": "no"}}, status_code=status)
        if self.whole is not None:
            return JSONResponse(self.whole)
        return StreamingResponse(self._events(), media_type="text/event-stream")

    async def _events(self) -> AsyncIterator[str]:
        for delta in self.deltas:
            chunk = {"id": "1", "object": "chat.completion.chunk", "model": "m-2026"}
            choice = {"index": 0, "delta": delta, "finish_reason": None}
            yield f"data: {json.dumps(chunk | {'choices': [choice]})}\n\n"
        usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
        yield f"data: {json.dumps({'id': '1', 'choices': [], 'usage': usage})}\n\n"
        yield "data: [DONE]\n\n"


@asynccontextmanager
async def models_of(server: ChatServer) -> AsyncIterator[ChatModels]:
    async with serving(server.application) as url:
        models = ChatModels(ModelServer(base_url=f"{url}/v1"))
        try:
            yield models
        finally:
            await models.close()
