"""Chat Completions of any OpenAI-compatible server, streamed, so that a cancelled turn stops
costing tokens at once."""

import base64
from collections.abc import Callable, Sequence
from typing import Any

import httpx2
from openai import APIError, AsyncOpenAI
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletion
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from adapters.openai.errors import ModelServerError, model_server_error
from domain.prompt import ChatMessage, PromptImage

MAX_REPLY_CHARACTERS = 40_000
"""A model that does not stop is stopped: ten WhatsApp messages are more than anyone reads."""

TIMEOUT = httpx2.Timeout(60, connect=5, read=30)
"""Read: the longest silence before the first token, and between two."""


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


class ChatModels:
    """Asks models. Retries are the caller's: Temporal owns them. Close it where it was opened."""

    def __init__(self, default: ModelServer) -> None:
        self.default = default
        self._client = AsyncOpenAI(
            api_key=default.key, base_url=default.base_url, max_retries=0, timeout=TIMEOUT
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
            return await self._stream(client, request, on_progress)
        except APIError as error:
            raise model_server_error(error) from error
        except httpx2.HTTPError as error:
            raise ModelServerError(
                "The model server broke off in the middle of its answer.", retryable=True
            ) from error

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
        response = await client.chat.completions.with_raw_response.create(
            model=request.model,
            # They go by `extra_body`: the SDK would compare each with a union of message types,
            # which took 3 ms of every turn and changes nothing in plain text.
            messages=[],
            stream=True,
            stream_options={"include_usage": True},
            extra_body={**request.parameters, "messages": messages},
            **optional,
        )
        if "json" in response.headers.get("content-type", ""):
            # Some compatible servers ignore `stream` and answer in one piece.
            return _whole(await response.http_response.aread(), request.model)
        pieces: list[str] = []
        length, model = 0, request.model
        usage: CompletionUsage | None = None
        async with response.parse() as chunks:
            async for chunk in chunks:
                usage, model = chunk.usage or usage, chunk.model or model
                if chunk.choices and (piece := chunk.choices[0].delta.content):
                    pieces.append(piece)
                    length += len(piece)
                    on_progress(length)
                if length > MAX_REPLY_CHARACTERS:
                    break
        return _completion("".join(pieces), model, usage)


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
        completion = ChatCompletion.model_validate_json(body)
    except ValidationError as error:
        raise ModelServerError(
            "The model server's answer could not be read.", retryable=True
        ) from error
    text = (completion.choices[0].message.content or "") if completion.choices else ""
    return _completion(text, completion.model or model, completion.usage)


def _completion(text: str, model: str, usage: CompletionUsage | None) -> Completion:
    if not text.strip():
        raise ModelServerError("The model server gave an empty answer.", retryable=True)
    if usage is None:
        return Completion(text=text, model=model)
    details = usage.prompt_tokens_details
    return Completion(
        text=text,
        model=model,
        input_tokens=usage.prompt_tokens,
        cached_tokens=(details.cached_tokens or 0) if details else 0,
        output_tokens=usage.completion_tokens,
    )
