"""The embeddings endpoint as the OpenAI SDK sees it."""

import base64
import json
from typing import Any

import httpx
import numpy as np
import pytest
from openai import AsyncOpenAI, BadRequestError, NotFoundError

from local.model.embedder import DIMENSIONS, MODEL

HOURS = "We are open from ten to six on Saturdays."


async def embed(client: AsyncOpenAI, *texts: str) -> np.ndarray[Any, np.dtype[np.float32]]:
    response = await client.embeddings.create(model=MODEL, input=list(texts))
    assert [row.index for row in response.data] == list(range(len(texts)))
    return np.array([row.embedding for row in response.data], dtype=np.float32)


async def test_vectors_have_the_models_dimensions_and_unit_length(client: AsyncOpenAI) -> None:
    vectors = await embed(client, HOURS, "Puncture repair costs 19 euros.")
    assert vectors.shape == (2, DIMENSIONS)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)


async def test_floats_and_base64_are_the_same_numbers(client: AsyncOpenAI, server_url: str) -> None:
    floats = await client.embeddings.create(model=MODEL, input=HOURS, encoding_format="float")
    async with httpx.AsyncClient() as http:
        body = {"model": MODEL, "input": HOURS, "encoding_format": "base64"}
        response = (await http.post(f"{server_url}/v1/embeddings", json=body)).json()
    packed = np.frombuffer(base64.b64decode(response["data"][0]["embedding"]), dtype="<f4")
    np.testing.assert_allclose(packed, floats.data[0].embedding, atol=1e-6)


async def test_e5_prefixes_choose_the_side_and_are_no_part_of_the_text(
    client: AsyncOpenAI,
) -> None:
    query, passage, plain, other = await embed(
        client, f"query: {HOURS}", f"passage: {HOURS}", HOURS, "Bring a passport to rent a bike."
    )
    np.testing.assert_allclose(passage, plain, atol=1e-6)
    assert not np.allclose(query, passage, atol=1e-3)
    assert query @ passage > query @ other


async def test_meaning_crosses_languages(client: AsyncOpenAI) -> None:
    question, hours, passport = await embed(
        client, "query: ¿A qué hora abren el sábado?", HOURS, "Bring a passport to rent a bike."
    )
    assert question @ hours > question @ passport


async def test_usage_counts_the_models_tokens(client: AsyncOpenAI) -> None:
    short = await client.embeddings.create(model=MODEL, input="hi")
    long = await client.embeddings.create(model=MODEL, input=["hi", HOURS * 5])
    assert 0 < short.usage.prompt_tokens < long.usage.prompt_tokens
    assert long.usage.total_tokens == long.usage.prompt_tokens


async def test_characters_that_c_cannot_carry_do_no_harm(client: AsyncOpenAI) -> None:
    with_nul, without = await embed(client, f"NUL \x00 {HOURS}", "NUL")
    assert not np.allclose(with_nul, without, atol=1e-3)


@pytest.mark.parametrize(
    "tokens", [[1, 2, 3], [[1, 2], [3]]], ids=["one token array", "several token arrays"]
)
async def test_token_arrays_are_refused_in_openais_shape(
    client: AsyncOpenAI, tokens: list[Any]
) -> None:
    with pytest.raises(BadRequestError) as refused:
        await client.embeddings.create(model=MODEL, input=tokens)
    assert refused.value.param == "input"
    assert "send strings" in refused.value.message


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": ["a", ""]}, "input"),
        ({"input": ["a"] * 2049}, "input"),
        ({"dimensions": 100}, "dimensions"),
        ({"encoding_format": "hex"}, "encoding_format"),
    ],
)
async def test_what_cannot_be_done_names_the_parameter(
    client: AsyncOpenAI, change: dict[str, Any], param: str
) -> None:
    arguments = {"model": MODEL, "input": "a", **change}
    with pytest.raises(BadRequestError) as refused:
        await client.embeddings.create(**arguments)
    assert refused.value.param == param


async def test_an_unknown_model_is_not_found(client: AsyncOpenAI) -> None:
    with pytest.raises(NotFoundError) as refused:
        await client.embeddings.create(model="text-embedding-3-small", input="a")
    assert refused.value.code == "model_not_found"


async def test_models_are_listed(client: AsyncOpenAI) -> None:
    assert {model.id async for model in client.models.list()} == {MODEL, "offline-extractive-v1"}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/health", b"", 200),
        ("POST", "/v1/embeddings", b"{", 400),
        ("POST", "/v1/embeddings", b"[]", 400),
        ("POST", "/v1/embeddings", b'{"model": "x", "input": "\\ud800"}', 400),
        ("GET", "/v1/embeddings", b"", 405),
        ("GET", "/v1/nothing", b"", 404),
    ],
)
async def test_every_answer_is_json_and_every_error_in_openais_shape(
    server_url: str, method: str, path: str, body: bytes, status: int
) -> None:
    async with httpx.AsyncClient() as http:
        response = await http.request(method, f"{server_url}{path}", content=body)
    assert response.status_code == status
    if status >= 400:
        error = json.loads(response.content)["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert error["message"]
