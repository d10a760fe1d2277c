"""An OpenAI-compatible embeddings endpoint whose answers can be foretold and made to fail.

The vector of a text counts its words in `DIMENSION` buckets, so texts that share words are near.
"""

import asyncio
import base64
import math
import re
import struct
import zlib
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

DIMENSION = 64


@dataclass
class Failure:
    """The next request is answered with this instead."""

    status: int
    code: str = "server_error"
    headers: dict[str, str] = field(default_factory=dict)


class EmbeddingServer:
    """State behind the endpoint: what it was asked, and what goes wrong next."""

    def __init__(self, *, dimension: int = DIMENSION) -> None:
        self.dimension = dimension
        self.requests: list[list[str]] = []
        """Inputs of each request that was answered."""
        self.failures: deque[Failure] = deque()
        self.down = False
        self.delay = 0.0
        self.ignores_dimensions = False
        """As many compatible servers do: the vectors are as large as ever."""
        self.answers: deque[Any] = deque()
        """Bodies to answer with, in place of what was asked for."""
        self.application = FastAPI()
        self.application.post("/v1/embeddings")(self._embed)

    @property
    def inputs(self) -> list[str]:
        return [text for request in self.requests for text in request]

    async def _embed(self, request: Request) -> JSONResponse:
        body = await request.json()
        await asyncio.sleep(self.delay)
        if self.down:
            return JSONResponse({"error": {"message": "down"}}, status_code=503)
        if self.failures:
            failure = self.failures.popleft()
            return JSONResponse(
                {"error": {"message": "no", "code": failure.code}},
                status_code=failure.status,
                headers=failure.headers,
            )
        self.requests.append(body["input"])
        if self.answers:
            return JSONResponse(self.answers.popleft())
        return JSONResponse(
            {
                "object": "list",
                "model": body["model"],
                "usage": {"prompt_tokens": 1, "total_tokens": 1},
                "data": [
                    {"object": "embedding", "index": index, "embedding": self._encoded(body, text)}
                    for index, text in enumerate(body["input"])
                ],
            }
        )

    def _encoded(self, body: dict[str, Any], text: str) -> list[float] | str:
        asked = None if self.ignores_dimensions else body.get("dimensions")
        vector = vector_of(text, dimension=asked or self.dimension)
        if body.get("encoding_format") == "base64":
            return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
        return vector


def vector_of(text: str, *, dimension: int = DIMENSION) -> list[float]:
    counts = [1e-3] * dimension
    for word in re.findall(r"\w+", text.lower()):
        counts[zlib.crc32(word.encode()) % dimension] += 1
    length = math.sqrt(sum(count * count for count in counts))
    return [count / length for count in counts]
