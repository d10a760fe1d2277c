"""What every `VectorIndex` keeps, on pgvector and on Pinecone alike."""

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, replace

import pytest
from pydantic import SecretStr
from sqlalchemy.exc import DBAPIError
from ulid import ULID

from adapters.postgres.database import Database
from adapters.postgres.ingestion import Ingestions
from adapters.postgres.passages import Passages
from adapters.vectors.index import DocumentVersion, PassageVector, VectorIndex
from adapters.vectors.pgvector import PgVectorIndex
from adapters.vectors.pinecone import PineconeIndex
from contracts.ids import KnowledgeBaseId, OrganizationId, PassageId
from contracts.ingestion import IngestDocument
from domain.chunking import Chunk
from tests.embedding_server import vector_of
from tests.http_server import serving
from tests.knowledge import MODEL, Knowledge, new_knowledge
from tests.pinecone_emulator.app import PineconeEmulator


@dataclass
class Shelf:
    """A knowledge base and the index under test."""

    knowledge: Knowledge
    index: VectorIndex

    async def put(
        self, ref: IngestDocument, *texts: str, switch_on: bool = True
    ) -> DocumentVersion:
        """A new version of a document, one passage a text."""
        ingestions = Ingestions(self.knowledge.database)
        chunks = [Chunk(text, 0, len(text), None, None) for text in texts]
        number = await ingestions.stage(ref, chunks=chunks)
        version = DocumentVersion(
            ref.organization_id, ref.knowledge_base_id, ref.document_id, number
        )
        staged = await ingestions.staged(ref, version=number, start=0, end=len(texts))
        token = await self.index.upsert(
            version, [PassageVector(p.passage_id, p.position, vector_of(p.text)) for p in staged]
        )
        if token is not None:
            await self.index.wait_visible(ref.organization_id, token=token)
        if switch_on:
            await ingestions.activate(
                ref, version=number, passage_count=len(texts), content_sha256="any"
            )
        return version

    async def new(self, *texts: str) -> DocumentVersion:
        return await self.put(await self.knowledge.add("any"), *texts)

    async def found(
        self,
        query: str,
        *,
        limit: int = 10,
        organization_id: OrganizationId | None = None,
        knowledge_base_ids: list[KnowledgeBaseId] | None = None,
    ) -> dict[PassageId, float]:
        organization = organization_id or self.knowledge.organization_id
        bases = knowledge_base_ids
        if bases is None:
            bases = [self.knowledge.knowledge_base_id]
        words = await Passages(self.knowledge.database).search_words(
            organization, knowledge_base_ids=bases, queries=[query], limit=1
        )
        [hits] = await self.index.search(
            organization,
            knowledge_base_ids=bases,
            vectors=[vector_of(query)],
            limit=limit,
            hidden=words.hidden,
        )
        return dict(hits)

    async def texts(self, query: str) -> list[str]:
        """Texts of what is found, nearest first."""
        hits = await self.found(query)
        stored = await Passages(self.knowledge.database).by_id(
            self.knowledge.organization_id, passage_ids=list(hits)
        )
        return [stored[id_].text if id_ in stored else "(not readable)" for id_ in hits]


@pytest.fixture(params=["pgvector", "pinecone", "pinecone, late"])
async def index(request: pytest.FixtureRequest, database: Database) -> AsyncIterator[VectorIndex]:
    if request.param == "pgvector":
        yield PgVectorIndex(database, model=MODEL)
        return
    emulator = PineconeEmulator(api_key="pc-test")
    emulator.lag = 2 if "late" in request.param else 0
    async with serving(emulator.application) as url:
        emulator.url = url
        pinecone = PineconeIndex(
            api_key=SecretStr("pc-test"), index_name="parley", model=MODEL, controller_host=url
        )
        yield pinecone
        await pinecone.close()


@pytest.fixture
async def shelf(database: Database, index: VectorIndex) -> Shelf:
    return Shelf(await new_knowledge(database), index)


async def settled(shelf: Shelf, query: str, expected: list[str]) -> None:
    """Deletions may show late; not later than a few searches."""
    for _ in range(5):
        found = await shelf.texts(query)
        if found == expected:
            return
    assert found == expected


async def test_the_nearest_come_first_with_their_cosine(shelf: Shelf) -> None:
    await shelf.new("apples and pears", "trains and planes", "apples")
    hits = await shelf.found("apples")
    assert (await shelf.texts("apples"))[:2] == ["apples", "apples and pears"]
    scores = list(hits.values())
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == pytest.approx(1.0, abs=1e-4)
    assert len(await shelf.found("apples", limit=2)) == 2


async def test_several_questions_are_answered_in_their_order(shelf: Shelf) -> None:
    await shelf.new("apples", "trains")
    hits = await shelf.index.search(
        shelf.knowledge.organization_id,
        knowledge_base_ids=[shelf.knowledge.knowledge_base_id],
        vectors=[vector_of("apples"), vector_of("trains")],
        limit=1,
    )
    [first], [second] = hits
    assert first != second


async def test_an_empty_index_finds_nothing(shelf: Shelf) -> None:
    assert await shelf.found("apples") == {}
    assert await shelf.found("apples", knowledge_base_ids=[]) == {}


async def test_writing_again_changes_nothing(shelf: Shelf) -> None:
    ref = await shelf.knowledge.add("any")
    version = await shelf.put(ref, "apples", "pears")
    staged = await Ingestions(shelf.knowledge.database).staged(
        ref, version=version.version, start=0, end=2
    )
    before = await shelf.found("apples")
    vectors = [PassageVector(p.passage_id, p.position, vector_of(p.text)) for p in staged]
    token = await shelf.index.upsert(version, vectors)
    if token is not None:
        await shelf.index.wait_visible(ref.organization_id, token=token)
    assert await shelf.found("apples") == before


async def test_only_the_named_knowledge_bases_are_searched(
    shelf: Shelf, database: Database
) -> None:
    await shelf.new("apples")
    owner = shelf.knowledge.organization_id
    other = Shelf(await new_knowledge(database, organization_id=owner), shelf.index)
    await other.new("apples elsewhere")
    assert await shelf.texts("apples") == ["apples"]
    assert await other.texts("apples") == ["apples elsewhere"]
    both = [shelf.knowledge.knowledge_base_id, other.knowledge.knowledge_base_id]
    assert len(await shelf.found("apples", knowledge_base_ids=both)) == 2


async def test_a_version_is_not_found_before_it_is_switched_on(shelf: Shelf) -> None:
    ref = await shelf.knowledge.add("any")
    await shelf.put(ref, "old apples")
    await shelf.put(ref, "new apples", switch_on=False)
    assert await shelf.texts("apples") == ["old apples"]


async def test_what_a_version_replaces_can_be_removed(shelf: Shelf) -> None:
    ref = await shelf.knowledge.add("any")
    await shelf.put(ref, "old apples", "older apples")
    neighbour = await shelf.new("apples of another document")
    version = await shelf.put(ref, "new apples")
    await shelf.index.delete_older_versions(version)
    await settled(shelf, "new apples", ["new apples", "apples of another document"])
    await shelf.index.delete_document(ref.organization_id, document_id=ref.document_id)
    await settled(shelf, "new apples", ["apples of another document"])
    await shelf.index.delete_knowledge_base(
        neighbour.organization_id, knowledge_base_id=neighbour.knowledge_base_id
    )
    await settled(shelf, "new apples", [])


async def test_a_version_on_its_way_survives_the_removal_of_older_ones(shelf: Shelf) -> None:
    ref = await shelf.knowledge.add("any")
    await shelf.put(ref, "old apples")
    middle = await shelf.put(ref, "apples")
    late = await shelf.put(ref, "new apples", switch_on=False)
    await shelf.index.delete_older_versions(middle)
    await Ingestions(shelf.knowledge.database).activate(
        ref, version=late.version, passage_count=1, content_sha256="any"
    )
    await shelf.index.delete_older_versions(late)
    await settled(shelf, "apples", ["new apples"])


async def test_organisations_never_see_one_another(shelf: Shelf, database: Database) -> None:
    """A canary in each of three organisations; every one asks for every canary, in every way."""
    shelves = [shelf] + [Shelf(await new_knowledge(database), shelf.index) for _ in range(2)]
    canaries = [f"canary {ULID()}" for _ in shelves]
    for each, canary in zip(shelves, canaries, strict=True):
        await each.new(canary, "apples")
    all_bases = [each.knowledge.knowledge_base_id for each in shelves]
    for asking in shelves:
        for asked, canary in zip(shelves, canaries, strict=True):
            theirs = await asked.found(canary)
            hits = await shelf.found(
                canary,
                organization_id=asking.knowledge.organization_id,
                knowledge_base_ids=all_bases,
            )
            assert set(hits) == set(await asking.found(canary))
            assert asking is asked or not set(hits) & set(theirs)


async def test_a_vector_of_others_is_not_written_over(shelf: Shelf, database: Database) -> None:
    other = Shelf(await new_knowledge(database), shelf.index)
    theirs = await shelf.new("apples")
    (passage,) = await shelf.found("apples")
    before = await shelf.found("apples")
    stolen = replace(theirs, organization_id=other.knowledge.organization_id)
    with suppress(DBAPIError):
        await shelf.index.upsert(stolen, [PassageVector(passage, 0, vector_of("pears"))])
    assert await shelf.found("apples") == before


async def test_deleting_an_organisation_leaves_the_others(shelf: Shelf, database: Database) -> None:
    other = Shelf(await new_knowledge(database), shelf.index)
    await shelf.new("apples")
    await other.new("apples")
    assert await shelf.index.delete_organization(shelf.knowledge.organization_id) is True
    await settled(shelf, "apples", [])
    assert await shelf.index.delete_organization(shelf.knowledge.organization_id) is False
    assert await other.texts("apples") == ["apples"]


@pytest.mark.parametrize("unset", ["", " "])
async def test_without_an_organisation_nothing_is_found(shelf: Shelf, unset: str) -> None:
    await shelf.new("apples")
    try:
        hits = await shelf.index.search(
            OrganizationId(unset),
            knowledge_base_ids=[shelf.knowledge.knowledge_base_id],
            vectors=[vector_of("apples")],
            limit=5,
        )
    except ValueError:
        return
    assert hits == [{}]
