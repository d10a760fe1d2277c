"""Embeddings over HTTP, with the real SDK."""

import base64
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai import AsyncOpenAI

from adapters.openai.embeddings import Embeddings
from adapters.openai.errors import ModelServerError, retry_after_seconds
from tests.embedding_server import EmbeddingServer, Failure, vector_of
from tests.http_server import serving


def words(text: str) -> int:
    return len(text.split())


async def test_vectors_come_in_the_order_of_the_texts(
    embedding_client: AsyncOpenAI,
) -> None:
    embeddings = Embeddings(embedding_client, model="m", count_tokens=words)
    texts = [f"text {n}" for n in range(5)]
    found = await embeddings.embed(texts, kind="passage")
    for text, vector in zip(texts, found, strict=True):
        assert vector == pytest.approx(vector_of(text), abs=1e-6)


async def test_no_texts_cost_no_request(
    embedding_server: EmbeddingServer, embedding_client: AsyncOpenAI
) -> None:
    embeddings = Embeddings(embedding_client, model="m", count_tokens=words)
    assert await embeddings.embed([], kind="query") == []
    assert embedding_server.requests == []


async def test_requests_stay_within_inputs_and_tokens(
    embedding_server: EmbeddingServer, embedding_client: AsyncOpenAI
) -> None:
    embeddings = Embeddings(
        embedding_client, model="m", count_tokens=words, max_inputs=3, max_request_tokens=10
    )
    await embeddings.embed(["one"] * 4 + ["a b c d e f"] * 2 + ["x " * 20], kind="passage")
    assert [len(request) for request in embedding_server.requests] == [3, 2, 1, 1]


@pytest.mark.parametrize(
    ("model", "prefix"),
    [
        ("multilingual-e5-small", True),
        ("intfloat/E5-large", True),
        ("text-embedding-3-small", False),
    ],
)
async def test_only_the_e5_family_is_told_what_a_text_is(
    embedding_server: EmbeddingServer, embedding_client: AsyncOpenAI, model: str, prefix: bool
) -> None:
    embeddings = Embeddings(embedding_client, model=model, count_tokens=words)
    await embeddings.embed(["what?"], kind="query")
    await embeddings.embed(["that"], kind="passage")
    expected = ["query: what?", "passage: that"] if prefix else ["what?", "that"]
    assert embedding_server.inputs == expected


async def test_the_sdk_does_not_retry_by_itself(
    embedding_server: EmbeddingServer, embedding_client: AsyncOpenAI
) -> None:
    embedding_server.failures.append(Failure(500))
    embeddings = Embeddings(embedding_client, model="m", count_tokens=words)
    with pytest.raises(ModelServerError) as caught:
        await embeddings.embed(["text"], kind="query")
    assert (caught.value.retryable, caught.value.status) == (True, 500)


async def test_a_server_that_is_not_there_may_come_back() -> None:
    async with serving(EmbeddingServer().application) as url:
        pass
    async with AsyncOpenAI(base_url=f"{url}/v1", api_key="test") as client:
        embeddings = Embeddings(client, model="m", count_tokens=words)
        with pytest.raises(ModelServerError, match="reached") as caught:
            await embeddings.embed(["text"], kind="query")
    assert caught.value.retryable


async def test_a_slow_server_is_given_up(
    embedding_server: EmbeddingServer, embedding_client: AsyncOpenAI
) -> None:
    embedding_server.delay = 1
    embeddings = Embeddings(embedding_client, model="m", count_tokens=words)
    with pytest.raises(ModelServerError, match="in time") as caught:
        await embeddings.embed(["text"], kind="query", timeout=0.05)
    assert caught.value.retryable


@pytest.mark.parametrize(
    "answer",
    [
        {"data": []},
        {"data": None},
        {},
        [],
        "nonsense",
        {"data": [{"index": 5, "embedding": [1.0]}]},
        {"data": [{"index": 0, "embedding": []}]},
        {"data": [{"index": 0}]},
    ],
)
async def test_an_answer_that_is_none_is_an_error_of_the_server(
    embedding_server: EmbeddingServer, embedding_client: AsyncOpenAI, answer: Any
) -> None:
    embedding_server.answers.append(answer)
    embeddings = Embeddings(embedding_client, model="m", count_tokens=words)
    with pytest.raises(ModelServerError) as caught:
        await embeddings.embed(["text"], kind="query")
    assert caught.value.retryable


async def test_plain_and_packed_numbers_are_both_understood(
    embedding_server: EmbeddingServer, embedding_client: AsyncOpenAI
) -> None:
    packed = base64.b64encode(struct.pack("<2f", 0.5, -1)).decode()
    embeddings = Embeddings(embedding_client, model="m", count_tokens=words)
    for embedding in (packed, [0.5, -1]):
        embedding_server.answers.append({"data": [{"index": 0, "embedding": embedding}]})
        assert await embeddings.embed(["text"], kind="query") == [[0.5, -1]]


@given(st.text() | st.none())
def test_any_header_is_a_wait_or_none(header: str | None) -> None:
    seconds = retry_after_seconds(header)
    assert seconds is None or 0 < seconds <= 300


def test_waits_that_are_too_long_or_past_are_ignored() -> None:
    assert retry_after_seconds("12.5") == 12.5
    assert retry_after_seconds("-1") is None
    assert retry_after_seconds("86400") is None
    assert retry_after_seconds("nan") is None
    assert retry_after_seconds("Wed, 21 Oct 2015 07:28:00 GMT") is None
