"""Chat Completions of any OpenAI-compatible server, streamed, so that a cancelled turn stops
costing tokens at once."""

import base64
import json
from collections.abc import Callable, Sequence
from typing import Any, Final

import httpx2
from cachetools import TTLCache
from openai import APIError, APIStatusError, AsyncOpenAI
from openai.types import CompletionUsage
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from adapters.openai.errors import ModelServerError, model_server_error
from adapters.openai.tool_calls import StreamedToolCalls
from domain.model_tools import ToolCall
from domain.prompt import ChatMessage, PromptImage

MAX_REPLY_CHARACTERS = 40_000
"""A model that does not stop is stopped: ten WhatsApp messages are more than anyone reads."""

TIMEOUT = httpx2.Timeout(60, connect=5, read=30)
"""Read: the longest silence before the first token, and between two."""


MAY_REFUSE_TOOLS: Final = frozenset({400, 404, 422, 501})
"""Statuses with which servers refuse `tools`; also other things, so they are asked once more."""

REMEMBERED_REFUSALS: Final = 1000
REFUSAL_REMEMBERED_SECONDS: Final = 3600
"""A server that has learnt to use tools, or an error that had nothing to do with them, is noticed
an hour later; until then a turn costs one request and not two."""


class ModelServer(BaseModel):
    """Where a model is served, and with what key it is asked."""

    model_config = ConfigDict(frozen=True)

    base_url: str
    api_key: SecretStr | None = None

    @property
    def key(self) -> str:
        """Local servers take any key, but the SDK insists on one."""
        return self.api_key.get_secret_value() if self.api_key else "none"


class Completion(BaseModel):
    model_config = ConfigDict(frozen=True)

    text: str
    """May be empty where there are tool calls."""
    tool_calls: tuple[ToolCall, ...] = ()
    model: str
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0


class CompletionRequest(BaseModel):
    model_config = ConfigDict(frozen=True)

    model: str
    messages: Sequence[ChatMessage]
    temperature: float | None = None
    parameters: dict[str, Any] = Field(default_factory=dict)
    """Whatever else the server takes, e.g. `max_completion_tokens` or `reasoning_effort`."""
    tools: Sequence[dict[str, Any]] = ()
    """Offered, not forced. A server that knows no tools answers without."""


class ChatModels:
    """Asks models. Retries are the caller's: Temporal owns them. Close it where it was opened."""

    def __init__(self, default: ModelServer) -> None:
        self.default = default
        self._client = AsyncOpenAI(
            api_key=default.key, base_url=default.base_url, max_retries=0, timeout=TIMEOUT
        )
        self._refuse_tools: TTLCache[tuple[str, str], bool] = TTLCache(
            REMEMBERED_REFUSALS, ttl=REFUSAL_REMEMBERED_SECONDS
        )

    async def close(self) -> None:
        await self._client.close()

    async def complete(
        self,
        request: CompletionRequest,
        *,
        server: ModelServer | None = None,
        on_progress: Callable[[int], None] = lambda _characters: None,
    ) -> Completion:
        """The whole reply. `on_progress` hears the characters so far, at each piece that comes.

        Raises:
            ModelServerError: with what went wrong in a sentence, and whether to try again.
        """
        client = self._client
        if server is not None and server != self.default:
            client = client.with_options(base_url=server.base_url, api_key=server.key)
        try:
            return await self._with_tools_if_possible(client, request, on_progress)
        except APIError as error:
            raise model_server_error(error) from error
        except httpx2.HTTPError as error:
            raise ModelServerError(
                "The model server broke off in the middle of its answer.", retryable=True
            ) from error

    async def _with_tools_if_possible(
        self,
        client: AsyncOpenAI,
        request: CompletionRequest,
        on_progress: Callable[[int], None],
    ) -> Completion:
        asked = (str(client.base_url), request.model)
        without = request.model_copy(update={"tools": ()})
        if not request.tools or asked in self._refuse_tools:
            return await self._stream(client, without, on_progress)
        try:
            return await self._stream(client, request, on_progress)
        except APIStatusError as error:
            if error.status_code not in MAY_REFUSE_TOOLS:
                raise
        completion = await self._stream(client, without, on_progress)
        self._refuse_tools[asked] = True
        return completion

    async def _stream(
        self,
        client: AsyncOpenAI,
        request: CompletionRequest,
        on_progress: Callable[[int], None],
    ) -> Completion:
        messages = [
            {"role": message.role, "content": _content(message)} for message in request.messages
        ]
        optional: dict[str, Any] = (
            {} if request.temperature is None else {"temperature": request.temperature}
        )
        tools = {"tools": list(request.tools)} if request.tools else {}
        response = await client.chat.completions.with_raw_response.create(
            model=request.model,
            # They go by `extra_body`: the SDK would compare each with a union of message types,
            # which took 3 ms of every turn and changes nothing in plain text.
            messages=[],
            stream=True,
            stream_options={"include_usage": True},
            extra_body={**request.parameters, **tools, "messages": messages},
            **optional,
        )
        if "json" in response.headers.get("content-type", ""):
            # Some compatible servers ignore `stream` and answer in one piece.
            return _whole(await response.http_response.aread(), request.model)
        pieces: list[str] = []
        length, model = 0, request.model
        usage: CompletionUsage | None = None
        calls = StreamedToolCalls()
        async with response.parse() as chunks:
            async for chunk in chunks:
                usage, model = chunk.usage or usage, chunk.model or model
                if not chunk.choices:
                    continue
                delta = chunk.choices[0].delta
                if piece := delta.content or "":
                    pieces.append(piece)
                came = len(piece) + sum(calls.add(part) for part in delta.tool_calls or ())
                if came:
                    length += came
                    on_progress(length)
                if length > MAX_REPLY_CHARACTERS:
                    break
        return _completion("".join(pieces), calls.calls(), model, usage)


class _WholeFunction(BaseModel):
    name: str = ""
    arguments: str | dict[str, Any] | None = None


class _WholeCall(BaseModel):
    function: _WholeFunction = _WholeFunction()


class _WholeMessage(BaseModel):
    content: str | None = None
    tool_calls: list[_WholeCall] | None = None


class _WholeChoice(BaseModel):
    message: _WholeMessage = _WholeMessage()


class _WholeAnswer(BaseModel):
    """What is needed of an answer in one piece: compatible servers leave the rest out."""

    choices: list[_WholeChoice]
    model: str | None = None
    usage: CompletionUsage | None = None


def _content(message: ChatMessage) -> str | list[dict[str, Any]]:
    """Plain text where there are no pictures: not every server takes parts."""
    if not message.images:
        return message.content
    return [
        {"type": "text", "text": message.content},
        *(
            {"type": "image_url", "image_url": {"url": _data_url(image)}}
            for image in message.images
        ),
    ]


def _data_url(image: PromptImage) -> str:
    return f"data:{image.mime_type};base64,{base64.b64encode(image.content).decode()}"


def _whole(body: bytes, model: str) -> Completion:
    try:
        answer = _WholeAnswer.model_validate_json(body)
    except ValidationError as error:
        raise ModelServerError(
            "The model server's answer could not be read.", retryable=True
        ) from error
    message = answer.choices[0].message if answer.choices else _WholeMessage()
    functions = [call.function for call in message.tool_calls or () if call.function.name]
    calls = tuple(
        ToolCall(name=function.name, arguments=_arguments(function.arguments))
        for function in functions
    )
    return _completion(message.content or "", calls, answer.model or model, answer.usage)


def _arguments(written: str | dict[str, Any] | None) -> str:
    """OpenAI gives them as text; some servers as the object that the text should be."""
    return written if isinstance(written, str) else json.dumps(written or {})


def _completion(
    text: str, calls: tuple[ToolCall, ...], model: str, usage: CompletionUsage | None
) -> Completion:
    if not text.strip() and not calls:
        raise ModelServerError("The model server gave an empty answer.", retryable=True)
    if usage is None:
        return Completion(text=text, tool_calls=calls, model=model)
    details = usage.prompt_tokens_details
    return Completion(
        text=text,
        tool_calls=calls,
        model=model,
        input_tokens=usage.prompt_tokens,
        cached_tokens=(details.cached_tokens or 0) if details else 0,
        output_tokens=usage.completion_tokens,
    )
