"""The offline model's HTTP server: OpenAI's embeddings and chat completions, answered on this CPU.

Without a key this is what Parley talks to, through the same SDK as to the real thing.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from adapters.openai.tokens import count_tokens
from local.model.answering import ExtractiveAnswerer, Reply
from local.model.embedder import Embedder
from local.model.notes import asks_for_notes, take_notes
from local.model.prompt_reader import ShownPassage, read_prompt
from local.model.protocol import (
    ApiError,
    ChatRequest,
    Completion,
    EmbeddingRequest,
    ToolCall,
    embeddings,
    models,
    pieces,
)

MAX_BODY = 16 * 1024 * 1024
"""Bytes of a request: 2,048 texts of 8 kB."""

MAX_READ_AHEAD = 48
"""Passages read ahead at a time, about a second each: a demo's worth, no library's."""

QUERY_PREFIX, PASSAGE_PREFIX = "query: ", "passage: "
"""How E5 models tell the two sides of a search apart (model card of multilingual-e5-small)."""

Body = TypeVar("Body", bound=BaseModel)
Result = TypeVar("Result")


def create_app(embedder: Embedder) -> Starlette:
    """The server's application; `embedder` stays the caller's to close."""
    server = _Server(embedder)
    return Starlette(
        routes=[
            Route("/v1/embeddings", server.embeddings, methods=["POST"]),
            Route("/v1/chat/completions", server.chat_completions, methods=["POST"]),
            Route("/v1/audio/transcriptions", server.transcriptions, methods=["POST"]),
            Route("/v1/models", server.models),
            Route("/health", server.health),
        ],
        exception_handlers={
            ApiError: _api_error,
            HTTPException: _http_error,
            ClientDisconnect: _client_left,
        },
    )


class _Server:
    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._answerer = ExtractiveAnswerer(embedder)
        self._read_ahead_pending = 0

    async def health(self, _request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def models(self, _request: Request) -> Response:
        return JSONResponse(models())

    async def transcriptions(self, request: Request) -> Response:
        """Nobody listens here: the speech models that come as packages mishear every other word."""
        async for _ in request.stream():
            pass  # a client that is still sending would not read the answer
        raise ApiError(
            "This offline model cannot listen to recordings: name a server that can.",
            status=501,
            code="not_implemented",
        )

    async def embeddings(self, request: Request) -> Response:
        body = await _read(request, EmbeddingRequest)
        body.check()
        vectors = await _while_connected(request, self._embed(body.texts))
        tokens = sum(
            self._embedder.count_tokens(text, is_query=is_query)
            for text, is_query in map(_side, body.texts)
        )
        return JSONResponse(
            embeddings(vectors, request=body, tokens=tokens),
            background=BackgroundTask(self._read_ahead, body.texts),
        )

    async def _read_ahead(self, texts: list[str]) -> None:
        """Passages are embedded to be asked about: the first question should not wait for it."""
        passages = [text for text, is_query in map(_side, texts) if not is_query]
        if self._read_ahead_pending + len(passages) > MAX_READ_AHEAD:
            return
        self._read_ahead_pending += len(passages)
        try:
            for text in passages:
                await self._answerer.read_ahead(_shown(text))
        finally:
            self._read_ahead_pending -= len(passages)

    async def chat_completions(self, request: Request) -> Response:
        body = await _read(request, ChatRequest)
        body.check()
        if not body.stream:
            completion = await _while_connected(request, self._complete(body))
            return JSONResponse(completion.whole())
        # The answer is computed inside the stream: it is cancelled when the client goes away.
        return StreamingResponse(self._events(body), media_type="text/event-stream")

    async def _events(self, body: ChatRequest) -> AsyncIterator[str]:
        completion = await self._complete(body)
        include_usage = body.stream_options is not None and body.stream_options.include_usage
        for chunk in completion.chunks(include_usage=include_usage):
            yield f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n"
        yield "data: [DONE]\n\n"

    async def _complete(self, body: ChatRequest) -> Completion:
        if asks_for_notes(body.messages):
            reply = Reply(text=take_notes(body.messages))
        else:
            reply = await self._answerer.reply(read_prompt(body.messages), tools=body.offered_tools)
        text, is_whole = _limited(reply.text, tokens=body.token_limit)
        called = reply.tool and ToolCall(name=reply.tool, arguments=reply.arguments or {})
        return Completion(
            text=text,
            tool_call=called or None,
            finish_reason=("tool_calls" if called else "stop") if is_whole else "length",
            prompt_tokens=sum(count_tokens(json.dumps(message)) for message in body.messages),
            completion_tokens=count_tokens(text),
        )

    async def _embed(self, texts: list[str]) -> Any:
        """Vectors in the order of `texts`, each embedded as the side of a search it names."""
        sides = [_side(text) for text in texts]
        vectors: dict[int, Any] = {}
        for is_query in (False, True):
            places = [place for place, (_, side) in enumerate(sides) if side == is_query]
            found = await self._embedder.embed(
                [sides[place][0] for place in places], is_query=is_query
            )
            vectors.update(zip(places, found, strict=True))
        return [vectors[place] for place in range(len(texts))]


def _side(text: str) -> tuple[str, bool]:
    """`text` without its E5 prefix, and whether it is a query; without a prefix it is a passage."""
    if text.startswith(QUERY_PREFIX):
        return text.removeprefix(QUERY_PREFIX), True
    return text.removeprefix(PASSAGE_PREFIX), False


def _shown(embedded: str) -> ShownPassage:
    """A passage's part as Parley embeds it, `title > headings`, a blank line and the text, as the
    prompt will have it: read under the same heading, it is found in the cache."""
    above, blank, text = embedded.partition("\n\n")
    title, _, section = (above if blank else "").partition(" > ")
    return ShownPassage(number=1, title=title, section=section or None, text=text or embedded)


def _limited(text: str, *, tokens: int | None) -> tuple[str, bool]:
    """As much of `text` as fits into `tokens`, in whole words, and whether that is all of it."""
    if tokens is None or count_tokens(text) <= tokens:
        return text, True
    kept = ""
    for piece in pieces(text, words=1):
        if count_tokens(kept + piece) > tokens:
            break
        kept += piece
    return kept, False


async def _read(request: Request, model: type[Body]) -> Body:
    """The request's body as `model`; every other body is an `ApiError` naming the field."""
    raw = bytearray()
    async for part in request.stream():
        raw += part
        if len(raw) > MAX_BODY:
            raise ApiError(f"The request is larger than {MAX_BODY} bytes.", status=413)
    try:
        return model.model_validate_json(bytes(raw))
    except ValidationError as error:
        problem = error.errors()[0]
        param = str(problem["loc"][0]) if problem["loc"] else None
        message = f"{param}: {problem['msg']}" if param else problem["msg"]
        raise ApiError(message, param=param) from None


async def _while_connected(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """The result of `work`, which is cancelled as soon as nobody waits for it any more."""
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        return task.result()
    finally:
        task.cancel()
        gone.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _api_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)  # noqa: S101 - narrows Starlette's handler type
    return JSONResponse(error.body, status_code=error.status)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - narrows Starlette's handler type
    refusal = ApiError(
        f"{request.method} {request.url.path}: {error.detail}", status=error.status_code
    )
    return await _api_error(request, refusal)


async def _client_left(_request: Request, _error: Exception) -> Response:
    return Response(status_code=499)  # nobody reads it; the log shows why the request ended
