"""Keeps every vector on disk, in front of a model server, so that a second run computes none.

It speaks OpenAI's embeddings as the model server does, so whoever asks it is the product as it is.
"""

import base64
import hashlib
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

UPSTREAM_SECONDS = 600


class KeptVectors:
    """Vectors by model and exact text: 32-bit floats, little-endian. Close it when done."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(file)
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID"
        )

    def close(self) -> None:
        self._connection.close()

    def get(self, model: str, texts: Sequence[str]) -> dict[str, bytes]:
        """Those that are known, by text."""
        found = {}
        for text in texts:
            row = self._connection.execute(
                "SELECT vector FROM vectors WHERE key = ?", (_key(model, text),)
            ).fetchone()
            if row is not None:
                found[text] = row[0]
        return found

    def put(self, model: str, vectors: Mapping[str, bytes]) -> None:
        with self._connection:
            self._connection.executemany(
                "INSERT OR REPLACE INTO vectors VALUES (?, ?)",
                [(_key(model, text), vector) for text, vector in vectors.items()],
            )


def _key(model: str, text: str) -> bytes:
    return hashlib.sha256(f"{model}\0{text}".encode(errors="surrogatepass")).digest()


def create_app(kept: KeptVectors, *, upstream: str, api_key: str) -> Starlette:
    """`POST /v1/embeddings`, answered from `kept` and otherwise by `upstream`.

    Args:
        upstream: base address of the model server, as the OpenAI SDK takes it.
    """

    async def embeddings(request: Request) -> Response:
        body: dict[str, Any] = await request.json()
        texts = [body["input"]] if isinstance(body["input"], str) else list(body["input"])
        # A model that shortens its vectors makes another one of each length.
        model = f"{body['model']} {body.get('dimensions', '')}".strip()
        vectors = kept.get(model, texts)
        missing = [text for text in dict.fromkeys(texts) if text not in vectors]
        tokens = 0
        if missing:
            async with httpx.AsyncClient(timeout=UPSTREAM_SECONDS) as client:
                answer = await client.post(
                    f"{upstream}/embeddings",
                    headers={"Authorization": f"Bearer {api_key}"},
                    json={**body, "input": missing, "encoding_format": "base64"},
                )
            if answer.is_error:
                return Response(answer.content, answer.status_code, media_type="application/json")
            told = answer.json()
            made = {
                missing[item["index"]]: base64.b64decode(item["embedding"]) for item in told["data"]
            }
            kept.put(model, made)
            vectors |= made
            tokens = told.get("usage", {}).get("total_tokens", 0)
        data = [
            {
                "object": "embedding",
                "index": index,
                "embedding": base64.b64encode(vectors[text]).decode(),
            }
            for index, text in enumerate(texts)
        ]
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return JSONResponse(
            {"object": "list", "data": data, "model": body["model"], "usage": usage}
        )

    return Starlette(routes=[Route("/v1/embeddings", embeddings, methods=["POST"])])
