"""The part of OpenAI's HTTP API that the server speaks: what comes in and what goes out.

Names and shapes are those of OpenAI's API reference (Embeddings, Chat Completions, Errors).
"""

import base64
import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from local.model.answering import MODEL as CHAT_MODEL
from local.model.embedder import DIMENSIONS, Vector
from local.model.embedder import MODEL as EMBEDDING_MODEL

MAX_INPUTS = 2048
"""Texts in one embeddings request (API reference, "Create embeddings")."""

OWNER = "parley-local"

Text = Annotated[str, StringConstraints(min_length=1)]


class ApiError(Exception):
    """A refusal in OpenAI's shape."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        param: str | None = None,
        code: str | None = None,
        kind: str = "invalid_request_error",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": message, "type": kind, "param": param, "code": code}}


class EmbeddingRequest(BaseModel):
    """Texts to embed; token arrays are refused, because the tokens would be another model's."""

    model: str
    input: Text | Annotated[list[Text], Field(min_length=1, max_length=MAX_INPUTS)]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = None

    @field_validator("input", mode="before")
    @classmethod
    def _no_tokens(cls, value: object) -> object:
        rows = value if isinstance(value, list) else []
        if any(isinstance(row, (int, list)) for row in rows):
            raise ValueError("token arrays are not supported by this model: send strings")
        return value

    @property
    def texts(self) -> list[str]:
        return [self.input] if isinstance(self.input, str) else self.input

    def check(self) -> None:
        """Raise `ApiError` for what is well formed and still cannot be done."""
        if self.model != EMBEDDING_MODEL:
            raise model_not_found(self.model)
        if self.dimensions not in (None, DIMENSIONS):
            raise ApiError(
                f"{EMBEDDING_MODEL} has {DIMENSIONS} dimensions and cannot be shortened.",
                param="dimensions",
            )


class StreamOptions(BaseModel):
    include_usage: bool = False


class ChatRequest(BaseModel):
    """A Chat Completions request; parameters of sampling are accepted and change nothing."""

    model_config = ConfigDict(extra="ignore")

    model: str
    messages: Annotated[list[dict[str, Any]], Field(min_length=1)]
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: int | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: Any = None

    @property
    def offered_tools(self) -> frozenset[str]:
        """Names of the functions that may be called."""
        if self.tool_choice == "none":
            return frozenset()
        functions = [tool.get("function") for tool in self.tools or ()]
        names = [function.get("name") for function in functions if isinstance(function, dict)]
        return frozenset(name for name in names if isinstance(name, str))

    @property
    def token_limit(self) -> int | None:
        return self.max_completion_tokens or self.max_tokens

    def check(self) -> None:
        """Raise `ApiError` for what is well formed and still cannot be done."""
        if self.model != CHAT_MODEL:
            raise model_not_found(self.model)
        if self.n not in (None, 1):
            raise ApiError("This model gives one answer: n must be 1.", param="n")


def model_not_found(model: str) -> ApiError:
    return ApiError(
        f"The model `{model}` does not exist here. This server has `{CHAT_MODEL}` and "
        f"`{EMBEDDING_MODEL}`.",
        status=404,
        param="model",
        code="model_not_found",
    )


def models() -> dict[str, Any]:
    return {
        "object": "list",
        "data": [
            {"id": model, "object": "model", "created": 0, "owned_by": OWNER}
            for model in (CHAT_MODEL, EMBEDDING_MODEL)
        ],
    }


def embeddings(vectors: Vector, *, request: EmbeddingRequest, tokens: int) -> dict[str, Any]:
    """The response for `vectors`, in the order of the request's texts."""
    as_base64 = request.encoding_format == "base64"
    return {
        "object": "list",
        "model": request.model,
        "data": [
            {
                "object": "embedding",
                "index": index,
                # Little-endian float32, as OpenAI's own clients decode it.
                "embedding": base64.b64encode(vector.astype("<f4").tobytes()).decode()
                if as_base64
                else vector.tolist(),
            }
            for index, vector in enumerate(vectors)
        ],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


@dataclass(frozen=True, kw_only=True)
class ToolCall:
    """One function called beside the words of an answer."""

    name: str
    arguments: dict[str, str]
    id: str = field(default_factory=lambda: f"call_{uuid.uuid4().hex}")

    def whole(self) -> dict[str, Any]:
        arguments = json.dumps(self.arguments, ensure_ascii=False)
        function = {"name": self.name, "arguments": arguments}
        return {"id": self.id, "type": "function", "function": function}

    def deltas(self) -> Iterator[dict[str, Any]]:
        """The name, and then the arguments a few words at a time."""
        whole = self.whole()
        arguments = whole["function"].pop("arguments")
        whole["function"]["arguments"] = ""
        yield {"index": 0, **whole}
        for piece in pieces(arguments):
            yield {"index": 0, "function": {"arguments": piece}}


@dataclass(frozen=True, kw_only=True)
class Completion:
    """One finished answer, to be sent whole or in pieces."""

    text: str
    tool_call: ToolCall | None = None
    finish_reason: Literal["stop", "length", "tool_calls"]
    prompt_tokens: int
    completion_tokens: int

    @property
    def usage(self) -> dict[str, int]:
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
        }

    def whole(self) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": self.text, "refusal": None}
        if self.tool_call is not None:
            message["tool_calls"] = [self.tool_call.whole()]
        choice = {
            "index": 0,
            "message": message,
            "logprobs": None,
            "finish_reason": self.finish_reason,
        }
        return {**_head("chat.completion"), "choices": [choice], "usage": self.usage}

    def chunks(self, *, include_usage: bool) -> Iterator[dict[str, Any]]:
        """The answer a few words at a time; with usage, a last chunk carries it and no choice."""
        head = _head("chat.completion.chunk")
        extra: dict[str, Any] = {"usage": None} if include_usage else {}

        def chunk(delta: dict[str, Any], finish_reason: str | None) -> dict[str, Any]:
            choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
            return {**head, "choices": [choice], **extra}

        yield chunk({"role": "assistant", "content": ""}, None)
        for piece in pieces(self.text):
            yield chunk({"content": piece}, None)
        for call in self.tool_call.deltas() if self.tool_call else ():
            yield chunk({"tool_calls": [call]}, None)
        yield chunk({}, self.finish_reason)
        if include_usage:
            yield {**head, "choices": [], "usage": self.usage}


def pieces(text: str, *, words: int = 3) -> Iterator[str]:
    """`text` a few words at a time, white space kept."""
    start = 0
    for count, position in enumerate(
        (i for i, character in enumerate(text) if character.isspace()), start=1
    ):
        if count % words == 0:
            yield text[start:position]
            start = position
    if text[start:]:
        yield text[start:]


def _head(kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": kind,
        "created": int(time.time()),
        "model": CHAT_MODEL,
        "system_fingerprint": None,
    }
