"""A question is embedded as seldom as possible, and never in another's name."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence

import pytest
from botocore.exceptions import EndpointConnectionError
from openai import AsyncOpenAI
from ulid import ULID

from adapters.cache_lookups import CacheName, Outcome
from adapters.dynamodb import keys
from adapters.dynamodb.shared_vectors import KEPT, SharedVectors
from adapters.dynamodb.table import ONCE, Table, open_dynamodb
from adapters.openai.embeddings import Embeddings
from adapters.openai.errors import ModelServerError
from adapters.query_embeddings import SHARED_SECONDS, QueryEmbeddings
from contracts.ids import OrganizationId
from settings import Settings
from tests.embedding_server import EmbeddingServer, vector_of


def words(text: str) -> int:
    return len(text.split())


class Process:
    """What one process keeps, and how often its caches had what was asked."""

    def __init__(
        self,
        client: AsyncOpenAI,
        shared: SharedVectors | None,
        *,
        model: str = "m",
        remembered: int = 100,
    ) -> None:
        self.lookups: Counter[tuple[CacheName, Outcome]] = Counter()
        self.queries = QueryEmbeddings(
            Embeddings(client, model=model, count_tokens=words),
            shared=shared,
            count=lambda cache, outcome: self.lookups.update([(cache, outcome)]),
            remembered=remembered,
        )

    async def ask(self, organization_id: OrganizationId, *texts: str) -> list[list[float]]:
        return await self.queries.embed(organization_id, texts, timeout=5)

    async def wrote(self) -> None:
        """Wait for what goes on beside the answers."""
        await asyncio.gather(*self.queries._writing)


@pytest.fixture
def organization() -> OrganizationId:
    return OrganizationId(f"org_{ULID()}")


@pytest.fixture
async def shared(table: Table) -> SharedVectors:
    return SharedVectors(table)


async def test_a_question_is_embedded_once_for_all_processes(
    embedding_client: AsyncOpenAI,
    embedding_server: EmbeddingServer,
    shared: SharedVectors,
    organization: OrganizationId,
) -> None:
    one, other = Process(embedding_client, shared), Process(embedding_client, shared)
    [first] = await one.ask(organization, "When do you open?")
    assert first == pytest.approx(vector_of("When do you open?"), abs=1e-6)
    assert await one.ask(organization, "When do you open?") == [first]
    await one.wrote()
    assert await other.ask(organization, "When do you open?") == [first]
    assert embedding_server.requests == [["When do you open?"]]
    assert one.lookups == {
        ("query_embeddings", "miss"): 1,
        ("shared_query_embeddings", "miss"): 1,
        ("query_embeddings", "hit"): 1,
    }
    assert other.lookups == {
        ("query_embeddings", "miss"): 1,
        ("shared_query_embeddings", "hit"): 1,
    }


async def test_only_what_is_unknown_is_asked_for_and_all_comes_in_order(
    embedding_client: AsyncOpenAI,
    embedding_server: EmbeddingServer,
    shared: SharedVectors,
    organization: OrganizationId,
) -> None:
    process = Process(embedding_client, shared)
    await process.ask(organization, "b")
    vectors = await process.ask(organization, "a", "b", "c", "a")
    for text, vector in zip("abca", vectors, strict=True):
        assert vector == pytest.approx(vector_of(text), abs=1e-6)
    assert embedding_server.requests == [["b"], ["a", "c"]]


async def test_equal_questions_at_once_share_one_call(
    embedding_client: AsyncOpenAI, embedding_server: EmbeddingServer, organization: OrganizationId
) -> None:
    embedding_server.delay = 0.1
    process = Process(embedding_client, None)
    impatient = asyncio.create_task(process.ask(organization, "same"))
    others = [asyncio.create_task(process.ask(organization, "same")) for _ in range(5)]
    await asyncio.sleep(0)  # all of them have begun
    # Who gives up does not take the others' call along.
    impatient.cancel()
    answers = await asyncio.gather(*others)
    assert all(one == answers[0] for one in answers)
    assert embedding_server.requests == [["same"]]


@pytest.mark.parametrize("question", ["Déjà vu? 💬", " ", "x" * 5000, "a\x00b"])
async def test_the_exact_text_counts_whatever_it_is(
    embedding_client: AsyncOpenAI,
    embedding_server: EmbeddingServer,
    shared: SharedVectors,
    organization: OrganizationId,
    question: str,
) -> None:
    process = Process(embedding_client, shared)
    await process.ask(organization, question)
    await process.ask(organization, f"{question} ")
    await process.ask(organization, question)
    assert embedding_server.inputs == [question, f"{question} "]


async def test_vectors_cross_neither_organisations_nor_models(
    embedding_client: AsyncOpenAI, embedding_server: EmbeddingServer, shared: SharedVectors
) -> None:
    ours, theirs = OrganizationId(f"org_{ULID()}"), OrganizationId(f"org_{ULID()}")
    process = Process(embedding_client, shared)
    await process.ask(ours, "What is it?")
    await process.wrote()
    await process.ask(theirs, "What is it?")
    await process.wrote()
    changed = Process(embedding_client, shared, model="another")
    embedding_server.dimension = 8
    [vector] = await changed.ask(ours, "What is it?")
    assert len(vector) == 8
    assert len(embedding_server.requests) == 3


async def test_what_is_shared_expires_after_a_week(
    embedding_client: AsyncOpenAI,
    embedding_server: EmbeddingServer,
    shared: SharedVectors,
    table: Table,
    organization: OrganizationId,
) -> None:
    process = Process(embedding_client, shared)
    await process.ask(organization, "old")
    await process.wrote()
    (question,) = process.queries._memory
    key = keys.query_embedding(organization, "m", question.digest)
    item = await table.get(key)
    assert item is not None
    assert item["expires_at"] == pytest.approx(time.time() + KEPT.total_seconds(), abs=60)
    # DynamoDB removes late: what has expired is not read meanwhile.
    await table.put(key, {**item, "expires_at": int(time.time()) - 1})
    await Process(embedding_client, shared).ask(organization, "old")
    assert embedding_server.requests == [["old"], ["old"]]


async def test_memory_keeps_the_questions_that_were_asked_last(
    embedding_client: AsyncOpenAI, embedding_server: EmbeddingServer, organization: OrganizationId
) -> None:
    process = Process(embedding_client, None, remembered=2)
    for text in ("a", "b", "a", "c", "a", "b"):
        await process.ask(organization, text)
    assert embedding_server.inputs == ["a", "b", "c", "b"]


class Slow(SharedVectors):
    """Answers long after anyone waits for it."""

    asked = 0

    async def get(
        self, organization_id: OrganizationId, *, model: str, digests: Sequence[str]
    ) -> dict[str, bytes]:
        self.asked += 1
        await asyncio.sleep(30)
        return await super().get(organization_id, model=model, digests=digests)


class Broken(SharedVectors):
    async def get(self, *_: object, **__: object) -> dict[str, bytes]:
        raise EndpointConnectionError(endpoint_url="dynamodb")

    async def put(self, *_: object, **__: object) -> None:
        raise EndpointConnectionError(endpoint_url="dynamodb")


async def test_a_slow_dynamodb_delays_one_search_a_little_and_the_next_not_at_all(
    embedding_client: AsyncOpenAI,
    embedding_server: EmbeddingServer,
    table: Table,
    organization: OrganizationId,
) -> None:
    slow = Slow(table)
    process = Process(embedding_client, slow)
    started = time.monotonic()
    for text in ("a", "b", "c"):
        await process.ask(organization, text)
    assert time.monotonic() - started < SHARED_SECONDS + 2
    assert slow.asked == 1
    assert embedding_server.inputs == ["a", "b", "c"]
    assert process.lookups["shared_query_embeddings", "failure"] == 1


async def test_a_broken_dynamodb_fails_no_search(
    embedding_client: AsyncOpenAI, table: Table, organization: OrganizationId
) -> None:
    process = Process(embedding_client, Broken(table))
    [vector] = await process.ask(organization, "a")
    assert vector == pytest.approx(vector_of("a"), abs=1e-6)
    process.queries._paused_until = 0
    assert await process.ask(organization, "b")
    await process.wrote()


async def test_a_dynamodb_that_is_not_there_fails_no_search(
    embedding_client: AsyncOpenAI, dynamodb_settings: Settings, organization: OrganizationId
) -> None:
    nowhere = dynamodb_settings.model_copy(
        update={"aws_endpoint_url_dynamodb": "http://127.0.0.1:1"}
    )
    async with open_dynamodb(nowhere, ONCE) as table:
        process = Process(embedding_client, SharedVectors(table))
        started = time.monotonic()
        assert await process.ask(organization, "a")
        assert time.monotonic() - started < SHARED_SECONDS + 2


async def test_a_model_server_that_is_down_is_told_to_all_who_wait_and_asked_again(
    embedding_client: AsyncOpenAI, embedding_server: EmbeddingServer, organization: OrganizationId
) -> None:
    process = Process(embedding_client, None)
    embedding_server.down = True
    answers = await asyncio.gather(
        *(process.ask(organization, "a") for _ in range(3)), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [ModelServerError] * 3
    embedding_server.down = False
    assert await process.ask(organization, "a")


async def test_closing_ends_what_is_under_way(
    embedding_client: AsyncOpenAI, embedding_server: EmbeddingServer, organization: OrganizationId
) -> None:
    embedding_server.delay = 1
    process = Process(embedding_client, None)
    asking = asyncio.create_task(process.ask(organization, "a"))
    async with asyncio.timeout(5):
        while not process.queries._loading:  # noqa: ASYNC110 - plain state is looked at
            await asyncio.sleep(0.01)
    await process.queries.close()
    with pytest.raises(asyncio.CancelledError):
        await asking
