"""What is Pinecone's own: being late, throttling, limits, and the identity of an index."""

import math
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace

import pytest
from pydantic import SecretStr

from adapters.vectors.index import DocumentVersion, EmbeddingSpace, PassageVector, VectorIndexError
from adapters.vectors.pinecone import PineconeIndex
from contracts.ids import DocumentId, KnowledgeBaseId, OrganizationId, PassageId
from tests.embedding_server import vector_of
from tests.http_server import serving
from tests.pinecone_emulator.app import PineconeEmulator

ORGANIZATION = OrganizationId("org_1")
BASE = KnowledgeBaseId("kb_1")
SPACE = EmbeddingSpace("m", 64)
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


def opened(
    emulator: PineconeEmulator, *, model: str = "m", name: str = "parley", wait: float = 5
) -> PineconeIndex:
    return PineconeIndex(
        api_key=SecretStr(emulator.api_key),
        index_name=name,
        default_model=model,
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
        ORGANIZATION,
        space=SPACE,
        knowledge_base_ids=[BASE],
        vectors=[vector_of("word1")],
        limit=100,
    )
    return len(hits)


async def test_a_late_write_is_waited_for(emulator: PineconeEmulator, index: PineconeIndex) -> None:
    emulator.lag = 3
    token = await index.upsert(VERSION, vectors(5), space=SPACE)
    assert token is not None
    assert await search(index) == 0
    await index.wait_visible(ORGANIZATION, space=SPACE, token=token)
    assert await search(index) == 5


async def test_waiting_ends_with_an_error_that_may_be_tried_again(
    emulator: PineconeEmulator,
) -> None:
    emulator.lag = 10_000
    index = opened(emulator, wait=0.3)
    token = await index.upsert(VERSION, vectors(1), space=SPACE)
    assert token is not None
    with pytest.raises(VectorIndexError, match="not indexed") as caught:
        await index.wait_visible(ORGANIZATION, space=SPACE, token=token)
    assert caught.value.retryable
    await index.close()


async def test_short_throttling_is_absorbed(
    emulator: PineconeEmulator, index: PineconeIndex
) -> None:
    await index.upsert(VERSION, vectors(3), space=SPACE)
    emulator.throttle += ["0.01", "0.01"]
    assert await search(index) == 3


async def test_lasting_throttling_says_when_to_come_back(
    emulator: PineconeEmulator, index: PineconeIndex
) -> None:
    await index.upsert(VERSION, vectors(3), space=SPACE)
    emulator.throttle += ["0.01", "0.01", "0.01", "17"]
    with pytest.raises(VectorIndexError) as caught:
        await search(index)
    assert (caught.value.retryable, caught.value.retry_after) == (True, 17)


async def test_more_than_a_request_may_carry_is_split(
    emulator: PineconeEmulator, index: PineconeIndex
) -> None:
    await index.upsert(VERSION, vectors(1001), space=SPACE)
    assert len(emulator.namespaces[ORGANIZATION].visible) == 1001
    writes = [request for request in emulator.requests if request.endswith("/upsert")]
    assert len(writes) == 2


async def test_large_vectors_are_split_by_size(
    emulator: PineconeEmulator, index: PineconeIndex
) -> None:
    await index.upsert(VERSION, vectors(200, dimension=1536), space=EmbeddingSpace("m", 1536))
    assert len(emulator.namespaces[ORGANIZATION].visible) == 200


async def test_each_space_has_an_index_whose_name_begins_alike(emulator: PineconeEmulator) -> None:
    index = opened(emulator)
    names = {}
    for space in (SPACE, EmbeddingSpace("m", 32), EmbeddingSpace("intfloat/other", 64)):
        before = set(emulator.indexes)
        await index.upsert(VERSION, vectors(1, dimension=space.dimension), space=space)
        [names[space]] = set(emulator.indexes) - before
    assert names.pop(SPACE) == "parley"
    assert all(re.fullmatch(r"parley-[0-9a-f]{10}", name) for name in names.values())
    again = opened(emulator)
    for space in names:
        await again.upsert(VERSION, vectors(1, dimension=space.dimension), space=space)
    assert len(emulator.indexes) == 3
    await index.close()
    await again.close()


async def test_a_long_name_is_cut_for_the_others(emulator: PineconeEmulator) -> None:
    index = opened(emulator, name="p" * 45)
    await index.upsert(VERSION, vectors(1), space=SPACE)
    await index.upsert(VERSION, vectors(1), space=EmbeddingSpace("other", 64))
    assert [len(name) for name in emulator.indexes] == [45, 45]
    await index.close()


async def test_who_has_the_first_index_keeps_it_when_the_platform_changes_its_model(
    emulator: PineconeEmulator,
) -> None:
    before = opened(emulator, model="m")
    await before.upsert(VERSION, vectors(3), space=SPACE)
    after = opened(emulator, model="two")
    await after.upsert(VERSION, vectors(2), space=EmbeddingSpace("two", 64))
    assert await search(after) == 3
    assert len(emulator.indexes) == 2
    await before.close()
    await after.close()


async def test_an_organization_is_forgotten_in_indexes_that_another_process_made(
    emulator: PineconeEmulator, index: PineconeIndex
) -> None:
    other = opened(emulator)
    await other.upsert(VERSION, vectors(1), space=EmbeddingSpace("other", 64))
    assert await index.delete_organization(ORGANIZATION) is True
    assert not any(each.namespaces for each in emulator.indexes.values())
    await other.close()


async def test_indexes_of_others_in_the_project_are_left_alone(
    emulator: PineconeEmulator, index: PineconeIndex
) -> None:
    staging = opened(emulator, name="parley-staging")
    await staging.upsert(VERSION, vectors(1), space=SPACE)
    await index.delete_organization(ORGANIZATION)
    assert emulator.indexes["parley-staging"].namespaces[ORGANIZATION].visible
    await staging.close()


async def test_an_index_that_is_being_made_is_waited_for_by_the_caller(
    emulator: PineconeEmulator, index: PineconeIndex
) -> None:
    maker = opened(emulator)
    await maker.upsert(VERSION, vectors(1), space=SPACE)
    emulator.slow_to_start = True
    with pytest.raises(VectorIndexError, match="not ready") as caught:
        await search(index)
    assert (caught.value.retryable, caught.value.retry_after) == (True, 5)
    emulator.slow_to_start = False
    assert await search(index) == 1
    await maker.close()


async def test_a_connection_that_breaks_may_be_tried_again(
    emulator: PineconeEmulator, index: PineconeIndex
) -> None:
    await index.upsert(VERSION, vectors(1), space=SPACE)
    emulator.resets = 100
    with pytest.raises(VectorIndexError, match="reached") as caught:
        await index.upsert(VERSION, vectors(3), space=SPACE)
    assert caught.value.retryable
    emulator.resets = 0
    await index.upsert(VERSION, vectors(3), space=SPACE)
    assert await search(index) == 3


async def test_a_write_whose_answer_was_lost_may_be_written_again(
    emulator: PineconeEmulator, index: PineconeIndex
) -> None:
    await index.upsert(VERSION, vectors(1), space=SPACE)
    emulator.lost_answers = 1
    with suppress(VectorIndexError):
        await index.upsert(VERSION, vectors(3), space=SPACE)
    await index.upsert(VERSION, vectors(3), space=SPACE)
    assert await search(index) == 3


REFUSED = {
    "an id that is too long": PassageVector(PassageId("p" * 513), 0, [1.0] * 64),
    "an id that is not ASCII": PassageVector(PassageId("pasaje_ñ"), 0, [1.0] * 64),
    "a vector of zeros": PassageVector(PassageId("psg_1"), 0, [0.0] * 64),
    "a vector with a hole": PassageVector(PassageId("psg_1"), 0, [math.nan] + [1.0] * 63),
}


@pytest.mark.parametrize("vector", REFUSED.values(), ids=REFUSED)
async def test_what_pinecone_would_refuse_is_not_sent(
    emulator: PineconeEmulator, index: PineconeIndex, vector: PassageVector
) -> None:
    with pytest.raises(VectorIndexError, match="cannot keep") as caught:
        await index.upsert(VERSION, [vector], space=SPACE)
    assert not caught.value.retryable
    assert emulator.requests == []


async def test_metadata_beyond_the_limit_is_not_sent(
    emulator: PineconeEmulator, index: PineconeIndex
) -> None:
    version = replace(VERSION, document_id=DocumentId("d" * 25_000))
    with pytest.raises(VectorIndexError, match="metadata"):
        await index.upsert(version, vectors(1), space=SPACE)
    assert emulator.requests == []


async def test_a_search_asks_for_no_more_than_pinecone_takes(
    emulator: PineconeEmulator, index: PineconeIndex
) -> None:
    await index.upsert(VERSION, vectors(1), space=SPACE)
    hidden = [(DocumentId(f"doc_{n}"), 1) for n in range(10_001)]
    await index.search(
        ORGANIZATION,
        space=SPACE,
        knowledge_base_ids=[BASE],
        vectors=[vector_of("word1")],
        limit=20_000,
        hidden=[*hidden, (DocumentId("doc_1"), 2)],
    )
    assert emulator.requests[-1].endswith("/search")
    with pytest.raises(VectorIndexError, match="at once"):
        await index.search(
            ORGANIZATION,
            space=SPACE,
            knowledge_base_ids=[KnowledgeBaseId(f"kb_{n}") for n in range(10_001)],
            vectors=[vector_of("word1")],
            limit=1,
        )


async def test_a_wrong_key_is_a_sentence(emulator: PineconeEmulator) -> None:
    emulator_url = emulator.url
    index = PineconeIndex(
        api_key=SecretStr("wrong"),
        index_name="parley",
        default_model="m",
        controller_host=emulator_url,
    )
    with pytest.raises(VectorIndexError, match="API key") as caught:
        await index.upsert(VERSION, vectors(1), space=SPACE)
    assert not caught.value.retryable
    await index.close()


async def test_a_passing_failure_does_not_spoil_the_client(
    emulator: PineconeEmulator, index: PineconeIndex
) -> None:
    emulator.failures += [501]
    with pytest.raises(VectorIndexError) as caught:
        await index.upsert(VERSION, vectors(1), space=SPACE)
    assert caught.value.retryable
    await index.upsert(VERSION, vectors(1), space=SPACE)
    assert await search(index) == 1


async def test_passages_carry_no_text(emulator: PineconeEmulator, index: PineconeIndex) -> None:
    await index.upsert(VERSION, vectors(1), space=SPACE)
    [record] = emulator.namespaces[ORGANIZATION].visible.values()
    assert set(record) == {
        "_id", "embedding", "organization_id", "knowledge_base_id", "document_id", "version",
        "version_key", "position",
    }  # fmt: skip


async def test_what_strayed_into_a_namespace_is_not_found(
    emulator: PineconeEmulator, index: PineconeIndex
) -> None:
    """The namespace is one wall, the filter another: each holds alone."""
    await index.upsert(VERSION, vectors(2), space=SPACE)
    records = emulator.namespaces[ORGANIZATION].visible
    records["psg_0#0"]["organization_id"] = "org_2"
    assert await search(index) == 1


async def test_an_organization_has_a_namespace_of_its_own(
    emulator: PineconeEmulator, index: PineconeIndex
) -> None:
    other = DocumentVersion(OrganizationId("org_2"), BASE, DocumentId("doc_2"), 1)
    await index.upsert(VERSION, vectors(1), space=SPACE)
    await index.upsert(other, vectors(1), space=SPACE)
    assert set(emulator.namespaces) == {ORGANIZATION, "org_2"}
