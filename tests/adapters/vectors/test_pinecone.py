"""What is Pinecone's own: being late, throttling, limits, and the identity of an index."""

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from adapters.vectors.index import DocumentVersion, PassageVector, VectorIndexError
from adapters.vectors.pinecone import PineconeIndex
from contracts.ids import DocumentId, KnowledgeBaseId, OrganizationId, PassageId
from tests.embedding_server import vector_of
from tests.http_server import serving
from tests.pinecone_emulator.app import PineconeEmulator

ORGANIZATION = OrganizationId("org_1")
BASE = KnowledgeBaseId("kb_1")
VERSION = DocumentVersion(ORGANIZATION, BASE, DocumentId("doc_1"), 1)


def vectors(count: int, *, dimension: int = 64) -> list[PassageVector]:
    return [
        PassageVector(PassageId(f"psg_{n}"), n, vector_of(f"word{n}", dimension=dimension))
        for n in range(count)
    ]


@pytest.fixture
async def emulator() -> AsyncIterator[PineconeEmulator]:
    emulator = PineconeEmulator(api_key="pc-test")
    async with serving(emulator.application) as url:
        emulator.url = url
        yield emulator


def opened(emulator: PineconeEmulator, *, model: str = "m", wait: float = 5) -> PineconeIndex:
    return PineconeIndex(
        api_key=SecretStr(emulator.api_key),
        index_name="parley",
        model=model,
        controller_host=emulator.url,
        visible_within_seconds=wait,
    )


@pytest.fixture
async def index(emulator: PineconeEmulator) -> AsyncIterator[PineconeIndex]:
    index = opened(emulator)
    yield index
    await index.close()


async def search(index: PineconeIndex) -> int:
    [hits] = await index.search(
        ORGANIZATION, knowledge_base_ids=[BASE], vectors=[vector_of("word1")], limit=100
    )
    return len(hits)


async def test_a_late_write_is_waited_for(emulator: PineconeEmulator, index: PineconeIndex) -> None:
    emulator.lag = 3
    token = await index.upsert(VERSION, vectors(5))
    assert token is not None
    assert await search(index) == 0
    await index.wait_visible(ORGANIZATION, token=token)
    assert await search(index) == 5


async def test_waiting_ends_with_an_error_that_may_be_tried_again(
    emulator: PineconeEmulator,
) -> None:
    emulator.lag = 10_000
    index = opened(emulator, wait=0.3)
    token = await index.upsert(VERSION, vectors(1))
    assert token is not None
    with pytest.raises(VectorIndexError, match="not indexed") as caught:
        await index.wait_visible(ORGANIZATION, token=token)
    assert caught.value.retryable
    await index.close()


async def test_short_throttling_is_absorbed(
    emulator: PineconeEmulator, index: PineconeIndex
) -> None:
    await index.upsert(VERSION, vectors(3))
    emulator.throttle += ["0.01", "0.01"]
    assert await search(index) == 3


async def test_lasting_throttling_says_when_to_come_back(
    emulator: PineconeEmulator, index: PineconeIndex
) -> None:
    await index.upsert(VERSION, vectors(3))
    emulator.throttle += ["0.01", "0.01", "0.01", "17"]
    with pytest.raises(VectorIndexError) as caught:
        await search(index)
    assert (caught.value.retryable, caught.value.retry_after) == (True, 17)


async def test_more_than_a_request_may_carry_is_split(
    emulator: PineconeEmulator, index: PineconeIndex
) -> None:
    await index.upsert(VERSION, vectors(1001))
    assert len(emulator.namespaces[ORGANIZATION].visible) == 1001
    writes = [request for request in emulator.requests if request.endswith("/upsert")]
    assert len(writes) == 2


async def test_large_vectors_are_split_by_size(
    emulator: PineconeEmulator, index: PineconeIndex
) -> None:
    await index.upsert(VERSION, vectors(200, dimension=1536))
    assert len(emulator.namespaces[ORGANIZATION].visible) == 200


async def test_an_index_of_another_model_or_size_is_refused(emulator: PineconeEmulator) -> None:
    first = opened(emulator, model="one")
    await first.upsert(VERSION, vectors(1))
    with pytest.raises(VectorIndexError, match="64 numbers") as caught:
        await first.upsert(VERSION, vectors(1, dimension=32))
    assert not caught.value.retryable
    second = opened(emulator, model="two")
    with pytest.raises(VectorIndexError, match="model one") as caught:
        await search(second)
    assert not caught.value.retryable
    await first.close()
    await second.close()


async def test_a_wrong_key_is_a_sentence(emulator: PineconeEmulator) -> None:
    emulator_url = emulator.url
    index = PineconeIndex(
        api_key=SecretStr("wrong"), index_name="parley", model="m", controller_host=emulator_url
    )
    with pytest.raises(VectorIndexError, match="API key") as caught:
        await index.upsert(VERSION, vectors(1))
    assert not caught.value.retryable
    await index.close()


async def test_a_passing_failure_does_not_spoil_the_client(
    emulator: PineconeEmulator, index: PineconeIndex
) -> None:
    emulator.failures += [501]
    with pytest.raises(VectorIndexError) as caught:
        await index.upsert(VERSION, vectors(1))
    assert caught.value.retryable
    await index.upsert(VERSION, vectors(1))
    assert await search(index) == 1


async def test_passages_carry_no_text(emulator: PineconeEmulator, index: PineconeIndex) -> None:
    await index.upsert(VERSION, vectors(1))
    [record] = emulator.namespaces[ORGANIZATION].visible.values()
    assert set(record) == {
        "_id", "embedding", "organization_id", "knowledge_base_id", "document_id", "version",
        "version_key", "position",
    }  # fmt: skip


async def test_what_strayed_into_a_namespace_is_not_found(
    emulator: PineconeEmulator, index: PineconeIndex
) -> None:
    """The namespace is one wall, the filter another: each holds alone."""
    await index.upsert(VERSION, vectors(2))
    records = emulator.namespaces[ORGANIZATION].visible
    records["psg_0"]["organization_id"] = "org_2"
    assert await search(index) == 1


async def test_an_organization_has_a_namespace_of_its_own(
    emulator: PineconeEmulator, index: PineconeIndex
) -> None:
    other = DocumentVersion(OrganizationId("org_2"), BASE, DocumentId("doc_2"), 1)
    await index.upsert(VERSION, vectors(1))
    await index.upsert(other, vectors(1))
    assert set(emulator.namespaces) == {ORGANIZATION, "org_2"}
