"""Embeds questions, each as seldom as possible: this process's memory is asked first, then what all
processes share, then the model server."""

import asyncio
import hashlib
import struct
import time
from collections.abc import Awaitable, Mapping, Sequence
from typing import Final, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError
from cachetools import LRUCache

from adapters.cache_lookups import CountLookup, uncounted
from adapters.dynamodb.shared_vectors import SharedVectors
from adapters.openai.embeddings import Embeddings, Vector
from contracts.embedding import EmbeddingModel
from contracts.ids import OrganizationId
from telemetry import get_logger

REMEMBERED: Final = 4_000
"""Vectors in memory: 24 MB of the common 1,536 dimensions."""
SHARED_SECONDS: Final = 0.15
"""Longest wait for what is shared: a good answer takes a tenth of it, the model server longer."""
PAUSE_SECONDS: Final = 30.0
"""After it did not answer, nobody waits for it for so long."""

_log = get_logger(__name__)


class _Question(NamedTuple):
    organization_id: OrganizationId
    model: str
    """With the size of its vectors, where one was asked for."""
    digest: str
    """SHA-256 of the exact input of the model, in hex."""


class QueryEmbeddings:
    """Vectors of any model that is offered. Concurrent equal questions share one call."""

    def __init__(
        self,
        embeddings: Embeddings,
        *,
        shared: SharedVectors | None = None,
        count: CountLookup = uncounted,
        remembered: int = REMEMBERED,
    ) -> None:
        """
        Args:
            embeddings: of the platform's own model, and `using` any other that is offered.
            shared: None: every process asks the model server for itself.
            count: told of each question at each of the two caches.
            remembered: vectors kept in memory.
        """
        self._embeddings = embeddings
        self._shared = shared
        self._count = count
        self._memory: LRUCache[_Question, bytes] = LRUCache(remembered)
        self._loading: dict[_Question, asyncio.Task[dict[_Question, bytes]]] = {}
        self._writing: set[asyncio.Task[None]] = set()
        self._paused_until = 0.0

    @property
    def default(self) -> EmbeddingModel:
        """The platform's own model."""
        return self._embeddings.asked

    async def embed(
        self,
        organization_id: OrganizationId,
        texts: Sequence[str],
        *,
        timeout: float,
        model: EmbeddingModel | None = None,
    ) -> list[Vector]:
        """One vector per question, in order.

        Args:
            timeout: seconds for the model server.
            model: by default the platform's own.

        Raises:
            ModelNotOffered: the platform has no such model.
            ModelServerError: a vector was nowhere, and the model server did not give it.
        """
        embeddings = self._embeddings.using(model or self.default)
        questions = [self._question(organization_id, text, embeddings) for text in texts]
        asked = dict(zip(questions, texts, strict=True))
        packed: dict[_Question, bytes] = {}
        calls: set[asyncio.Task[dict[_Question, bytes]]] = set()
        missing: dict[_Question, str] = {}
        for question, text in asked.items():
            if (known := self._memory.get(question)) is not None:
                packed[question] = known
            elif (loading := self._loading.get(question)) is not None:
                calls.add(loading)
            else:
                missing[question] = text
            self._count("query_embeddings", "miss" if question in missing else "hit")
        if missing:
            calls.add(self._start(organization_id, missing, embeddings, timeout=timeout))
        for call in calls:
            # Whoever gives up must not take the others' call with it.
            packed |= await asyncio.shield(call)
        return [_unpacked(packed[question]) for question in questions]

    async def close(self) -> None:
        """End what goes on beside the answers."""
        open_tasks = [*self._loading.values(), *self._writing]
        for task in open_tasks:
            task.cancel()
        await asyncio.gather(*open_tasks, return_exceptions=True)

    def _question(
        self, organization_id: OrganizationId, text: str, embeddings: Embeddings
    ) -> _Question:
        exact = embeddings.input_of(text, kind="query").encode(errors="surrogatepass")
        digest = hashlib.sha256(exact).hexdigest()
        return _Question(organization_id, str(embeddings.asked), digest)

    def _start(
        self,
        organization_id: OrganizationId,
        missing: dict[_Question, str],
        embeddings: Embeddings,
        *,
        timeout: float,
    ) -> asyncio.Task[dict[_Question, bytes]]:
        loading = self._load(organization_id, missing, embeddings, timeout=timeout)
        call = asyncio.create_task(loading)
        self._loading |= dict.fromkeys(missing, call)

        def ended(done: asyncio.Task[dict[_Question, bytes]]) -> None:
            for question in missing:
                del self._loading[question]
            if not done.cancelled():
                # Retrieved here too: every reader may have been cancelled meanwhile.
                done.exception()

        call.add_done_callback(ended)
        return call

    async def _load(
        self,
        organization_id: OrganizationId,
        missing: dict[_Question, str],
        embeddings: Embeddings,
        *,
        timeout: float,
    ) -> dict[_Question, bytes]:
        model = str(embeddings.asked)
        found = await self._read_shared(organization_id, list(missing), model=model)
        left = [question for question in missing if question not in found]
        if left:
            vectors = await embeddings.embed(
                [missing[question] for question in left], kind="query", timeout=timeout
            )
            made = dict(zip(left, map(_packed, vectors), strict=True))
            found |= made
            self._write_shared(organization_id, made, model=model)
        self._memory.update(found)
        return found

    async def _read_shared(
        self, organization_id: OrganizationId, questions: list[_Question], *, model: str
    ) -> dict[_Question, bytes]:
        if self._shared is None or time.monotonic() < self._paused_until:
            return {}
        vectors = await self._unless_slow(
            self._shared.get(
                organization_id,
                model=model,
                digests=[question.digest for question in questions],
            )
        )
        if vectors is None:
            for _ in questions:
                self._count("shared_query_embeddings", "failure")
            return {}
        found = {
            question: vectors[question.digest]
            for question in questions
            if question.digest in vectors
        }
        for question in questions:
            self._count("shared_query_embeddings", "hit" if question in found else "miss")
        return found

    async def _unless_slow(self, call: Awaitable[dict[str, bytes]]) -> dict[str, bytes] | None:
        try:
            return await asyncio.wait_for(call, SHARED_SECONDS)
        except (BotoCoreError, ClientError, OSError, TimeoutError) as error:
            self._paused_until = time.monotonic() + PAUSE_SECONDS
            _log.warning("shared_embeddings_unavailable", error=type(error).__name__)
            return None

    def _write_shared(
        self, organization_id: OrganizationId, made: Mapping[_Question, bytes], *, model: str
    ) -> None:
        """Beside the search, which does not wait for it."""
        if self._shared is None or time.monotonic() < self._paused_until:
            return
        vectors = {question.digest: vector for question, vector in made.items()}
        task = asyncio.create_task(self._put(self._shared, organization_id, vectors, model=model))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _put(
        self,
        shared: SharedVectors,
        organization_id: OrganizationId,
        vectors: dict[str, bytes],
        *,
        model: str,
    ) -> None:
        try:
            await shared.put(organization_id, model=model, vectors=vectors)
        except (BotoCoreError, ClientError, OSError, TimeoutError) as error:
            _log.warning("shared_embeddings_unavailable", error=type(error).__name__)


def _packed(vector: Vector) -> bytes:
    return struct.pack(f"<{len(vector)}f", *vector)


def _unpacked(vector: bytes) -> Vector:
    return list(struct.unpack(f"<{len(vector) // 4}f", vector))
