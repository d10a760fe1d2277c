"""Embeddings from an OpenAI-compatible server.

The client never retries by itself: whoever calls (Temporal, or a person who waits) owns the
patience.
"""

import base64
import copy
import struct
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Final, Literal

from openai import APIError, AsyncOpenAI, omit
from openai.types import CreateEmbeddingResponse

from adapters.openai.errors import ModelServerError, model_server_error
from contracts.embedding import EmbeddingModel

Vector = list[float]
InputKind = Literal["query", "passage"]

MAX_INPUTS: Final = 2048
MAX_REQUEST_TOKENS: Final = 300_000
"""Inputs and their tokens in one request: OpenAI's API reference, "Create embeddings"."""


class ModelNotOffered(Exception):
    """The platform has no such embedding model; its text is a sentence for a person."""


class Embeddings:
    """Turns texts into vectors of one model. `using` gives the same of another one."""

    def __init__(
        self,
        client: AsyncOpenAI,
        *,
        model: str,
        count_tokens: Callable[[str], int],
        offered: Collection[str] = (),
        max_inputs: int = MAX_INPUTS,
        max_request_tokens: int = MAX_REQUEST_TOKENS,
    ) -> None:
        """
        Args:
            client: closed by its owner; its own retries are switched off here.
            model: name at the server. In the E5 family, recognised by `e5` in the name, an input
                says what it is: `query: …` or `passage: …`, as its authors trained it.
            count_tokens: tokens of a text, to keep requests within the provider's limits.
            offered: names of the models besides this one that the server may be asked for.
            max_inputs: texts in one request; few for a server that computes on a CPU.
            max_request_tokens: tokens in one request.
        """
        self._client = client.with_options(max_retries=0)
        self._count_tokens = count_tokens
        self._max_inputs = max_inputs
        self._max_request_tokens = max_request_tokens
        self._offered = frozenset([model, *offered])
        self._asked = EmbeddingModel(name=model)

    @property
    def model(self) -> str:
        return self._asked.name

    @property
    def asked(self) -> EmbeddingModel:
        """The model, and the size of vectors that is asked of it."""
        return self._asked

    def using(self, model: EmbeddingModel) -> "Embeddings":
        """The same server with this model; `ModelNotOffered` if it may not be asked for it."""
        if model.name not in self._offered:
            raise ModelNotOffered(
                f"The embedding model {model.name} is not offered any more: give the knowledge "
                "base another embedding model, or have the platform offer this one again."
            )
        other = copy.copy(self)
        other._asked = model
        return other

    async def embed(
        self,
        texts: Sequence[str],
        *,
        kind: InputKind,
        timeout: float = 120,
        on_tokens: Callable[[int], None] | None = None,
    ) -> list[Vector]:
        """One vector per text, in order, all of one dimension.

        Args:
            texts: none of them empty; an empty list costs no request.
            kind: what the texts are, for models that tell the two apart.
            timeout: seconds for each request; a CPU needs a quarter of a second for a passage.
            on_tokens: told what each request that was answered cost in tokens.

        Raises:
            ModelServerError: the server refused, failed or answered something else.
        """
        vectors: list[Vector] = []
        for batch in self._batches([self.input_of(text, kind=kind) for text in texts]):
            try:
                response = await self._client.embeddings.create(
                    model=self.model,
                    input=batch,
                    dimensions=self._asked.dimensions or omit,
                    encoding_format="base64",
                    timeout=timeout,
                )
            except APIError as error:
                raise model_server_error(error) from error
            if on_tokens is not None:
                on_tokens(self._tokens(response, batch))
            vectors += _vectors(response, expected=len(batch))
        sizes = {len(vector) for vector in vectors}
        if len(sizes) > 1:
            raise ModelServerError(
                "The model server answered with vectors of different sizes.", retryable=False
            )
        if self._asked.dimensions is not None and not sizes <= {self._asked.dimensions}:
            # Many compatible servers do not look at `dimensions`.
            raise ModelServerError(
                f"The model {self.model} gave vectors of {sizes.pop()} numbers, although "
                f"{self._asked.dimensions} were asked for: leave out the dimensions.",
                retryable=False,
            )
        return vectors

    def input_of(self, text: str, *, kind: InputKind) -> str:
        """What the server is asked to embed."""
        return f"{kind}: {text}" if "e5" in self.model.lower() else text

    def _tokens(self, response: CreateEmbeddingResponse, batch: Sequence[str]) -> int:
        """As the server counted; some compatible servers do not."""
        usage = getattr(response, "usage", None)
        told = getattr(usage, "total_tokens", None)
        return told if isinstance(told, int) else sum(map(self._count_tokens, batch))

    def _batches(self, inputs: list[str]) -> Iterator[list[str]]:
        batch: list[str] = []
        tokens = 0
        for text in inputs:
            size = self._count_tokens(text)
            if batch and (
                len(batch) == self._max_inputs or tokens + size > self._max_request_tokens
            ):
                yield batch
                batch, tokens = [], 0
            batch.append(text)
            tokens += size
        if batch:
            yield batch


def _vectors(response: CreateEmbeddingResponse, *, expected: int) -> list[Vector]:
    try:
        by_index = {item.index: _numbers(item.embedding) for item in response.data}
    # The SDK builds its answer from whatever came, without looking at it.
    except (AttributeError, TypeError, ValueError, struct.error) as error:
        raise _unusable() from error
    if by_index.keys() != set(range(expected)) or not all(by_index.values()):
        raise _unusable()
    return [by_index[index] for index in range(expected)]


def _numbers(embedding: object) -> Vector:
    """Little-endian 32-bit floats in base 64 as asked for, or a list from a server without it."""
    if isinstance(embedding, str):
        packed = base64.b64decode(embedding, validate=True)
        return list(struct.unpack(f"<{len(packed) // 4}f", packed))
    if isinstance(embedding, list):
        return [float(number) for number in embedding]
    raise TypeError("neither base 64 nor a list")


def _unusable() -> ModelServerError:
    return ModelServerError(
        "The model server did not answer with one vector per text.", retryable=True
    )
