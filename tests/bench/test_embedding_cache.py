"""Vectors that are kept on disk, in front of a model server."""

from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from openai import AsyncOpenAI

from adapters.openai.embeddings import Embeddings
from adapters.openai.errors import ModelServerError
from bench.quality.embedding_cache import KeptVectors, create_app
from tests.embedding_server import EmbeddingServer, Failure, vector_of
from tests.http_server import serving


@pytest.fixture
def server() -> EmbeddingServer:
    return EmbeddingServer()


@pytest.fixture
async def upstream(server: EmbeddingServer) -> AsyncIterator[str]:
    async with serving(server.application) as url:
        yield f"{url}/v1"


async def embed(upstream: str, file: Path, texts: list[str], model: str = "m") -> list[list[float]]:
    """As one run asks: its cache opened, and closed at the end."""
    with closing(KeptVectors(file)) as kept:
        application = create_app(kept, upstream=upstream, api_key="test")
        async with (
            serving(application) as url,
            AsyncOpenAI(base_url=f"{url}/v1", api_key="test") as client,
        ):
            embeddings = Embeddings(client, model=model, count_tokens=len)
            return await embeddings.embed(texts, kind="passage")


async def test_a_second_run_computes_only_what_is_new(
    server: EmbeddingServer, upstream: str, tmp_path: Path
) -> None:
    file = tmp_path / "cache" / "vectors.sqlite"
    first = await embed(upstream, file, ["a", "b", "a"])
    assert first == [pytest.approx(vector_of(text), abs=1e-6) for text in "aba"]
    second = await embed(upstream, file, ["c", "b"])
    assert second == [pytest.approx(vector_of(text), abs=1e-6) for text in "cb"]
    assert server.requests == [["a", "b"], ["c"]]


async def test_models_share_no_vectors(
    server: EmbeddingServer, upstream: str, tmp_path: Path
) -> None:
    for model in ("one", "other"):
        await embed(upstream, tmp_path / "vectors.sqlite", ["a"], model)
    assert server.requests == [["a"], ["a"]]


async def test_a_failure_is_passed_on_and_not_kept(
    server: EmbeddingServer, upstream: str, tmp_path: Path
) -> None:
    file = tmp_path / "vectors.sqlite"
    server.failures.append(Failure(503))
    with pytest.raises(ModelServerError) as caught:
        await embed(upstream, file, ["a"])
    assert caught.value.status == 503
    assert await embed(upstream, file, ["a"]) == [pytest.approx(vector_of("a"), abs=1e-6)]
