"""What every `VectorIndex` keeps, on pgvector and on Pinecone alike."""

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import pytest
from pydantic import SecretStr
from sqlalchemy.exc import DBAPIError
from ulid import ULID

from adapters.postgres.database import Database
from adapters.postgres.ingestion import Ingestions, StagedPassage
from adapters.postgres.passages import Passages
from adapters.vectors.index import DocumentVersion, EmbeddingSpace, PassageVector, VectorIndex
from adapters.vectors.pgvector import PgVectorIndex
from adapters.vectors.pinecone import PineconeIndex
from contracts.ids import KnowledgeBaseId, OrganizationId, PassageId
from contracts.ingestion import IngestDocument
from domain.chunking import Chunk
from tests.embedding_server import DIMENSION, vector_of
from tests.http_server import serving
from tests.knowledge import MODEL, Knowledge, new_knowledge
from tests.pinecone_emulator.app import PineconeEmulator

SPACE = EmbeddingSpace(MODEL, DIMENSION)
OTHER_SIZE = EmbeddingSpace(MODEL, 384)
OTHER_MODEL = EmbeddingSpace("intfloat/another-model", DIMENSION)


@dataclass
class Shelf:
    """A knowledge base and the index under test."""

    knowledge: Knowledge
    index: VectorIndex
    space: EmbeddingSpace = SPACE

    def vector(self, text: str) -> list[float]:
        return vector_of(text, dimension=self.space.dimension)

    async def put(
        self, ref: IngestDocument, *texts: str, switch_on: bool = True
    ) -> DocumentVersion:
        """A new version of a document, one passage a text, one part a line."""
        ingestions = Ingestions(self.knowledge.database)
        chunks = [Chunk(text, 0, len(text), None, None) for text in texts]
        number = await ingestions.stage(ref, chunks=chunks)
        version = DocumentVersion(
            ref.organization_id, ref.knowledge_base_id, ref.document_id, number
        )
        _, staged = await ingestions.staged(ref, version=number, start=0, end=len(texts))
        await self.write(version, staged)
        if switch_on:
            await ingestions.activate(
                ref, version=number, passage_count=len(texts), content_sha256="any"
            )
        return version

    async def write(self, version: DocumentVersion, passages: Sequence[StagedPassage]) -> None:
        """Put the passages into the shelf's space, and wait until searches see them."""
        token = await self.index.upsert(
            version,
            [
                PassageVector(p.passage_id, p.position, self.vector(line), part)
                for p in passages
                for part, line in enumerate(p.text.splitlines())
            ],
            space=self.space,
        )
        if token is not None:
            await self.index.wait_visible(version.organization_id, space=self.space, token=token)

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
            space=self.space,
            knowledge_base_ids=bases,
            vectors=[self.vector(query)],
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
        yield PgVectorIndex(database)
        return
    emulator = PineconeEmulator(api_key="pc-test")
    emulator.lag = 2 if "late" in request.param else 0
    async with serving(emulator.application) as url:
        emulator.url = url
        pinecone = PineconeIndex(
            api_key=SecretStr("pc-test"),
            index_name="parley",
            default_model=MODEL,
            controller_host=url,
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
        space=shelf.space,
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
    _, staged = await Ingestions(shelf.knowledge.database).staged(
        ref, version=version.version, start=0, end=2
    )
    before = await shelf.found("apples")
    await shelf.write(version, staged)
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


async def test_a_passage_is_as_near_as_its_nearest_part(shelf: Shelf) -> None:
    await shelf.new("apples\ntrains", "trains and planes", "pears")
    hits = await shelf.found("apples")
    assert len(hits) == 3
    assert (await shelf.texts("apples"))[0] == "apples\ntrains"
    assert next(iter(hits.values())) == pytest.approx(1, abs=1e-3)
    assert list(hits.values()) == sorted(hits.values(), reverse=True)


async def test_however_many_parts_are_near_as_many_passages_are_found(shelf: Shelf) -> None:
    await shelf.new("\n".join(["apples"] * 40), "apples and pears", "trains")
    assert len(await shelf.found("apples", limit=2)) == 2
    assert len(await shelf.found("apples", limit=9)) == 3


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
        await shelf.index.upsert(
            stolen, [PassageVector(passage, 0, vector_of("pears"))], space=shelf.space
        )
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
            space=shelf.space,
            knowledge_base_ids=[shelf.knowledge.knowledge_base_id],
            vectors=[vector_of("apples")],
            limit=5,
        )
    except ValueError:
        return
    assert hits == [{}]


async def everything(shelf: Shelf) -> tuple[DocumentVersion, list[StagedPassage]]:
    """A version of two passages that is in the shelf's space."""
    version = await shelf.new("apples", "trains")
    ref = IngestDocument(
        organization_id=version.organization_id,
        knowledge_base_id=version.knowledge_base_id,
        document_id=version.document_id,
    )
    _, staged = await Ingestions(shelf.knowledge.database).staged(
        ref, version=version.version, start=0, end=2
    )
    return version, staged


@pytest.mark.parametrize("space", [OTHER_SIZE, OTHER_MODEL], ids=["other size", "other model"])
async def test_spaces_are_side_by_side_and_never_meet(shelf: Shelf, space: EmbeddingSpace) -> None:
    version, staged = await everything(shelf)
    other = Shelf(shelf.knowledge, shelf.index, space)
    assert await other.found("apples") == {}
    await other.write(version, staged[:1])
    assert await other.texts("trains") == ["apples"]
    assert await shelf.texts("trains") == ["trains", "apples"]


@pytest.mark.parametrize("space", [OTHER_SIZE, OTHER_MODEL], ids=["other size", "other model"])
async def test_what_is_deleted_is_deleted_in_every_space(
    shelf: Shelf, space: EmbeddingSpace
) -> None:
    version, staged = await everything(shelf)
    other = Shelf(shelf.knowledge, shelf.index, space)
    await other.write(version, staged)
    await shelf.index.delete_document(version.organization_id, document_id=version.document_id)
    await settled(shelf, "apples", [])
    await settled(other, "apples", [])
    for each in (shelf, other):
        await each.write(version, staged)
    assert await shelf.index.delete_organization(version.organization_id) is True
    await settled(shelf, "apples", [])
    await settled(other, "apples", [])


@pytest.mark.parametrize("space", [OTHER_SIZE, OTHER_MODEL], ids=["other size", "other model"])
async def test_a_knowledge_base_can_leave_every_space_but_one(
    shelf: Shelf, database: Database, space: EmbeddingSpace
) -> None:
    version, staged = await everything(shelf)
    other = Shelf(shelf.knowledge, shelf.index, space)
    await other.write(version, staged)
    owner = shelf.knowledge.organization_id
    neighbour = Shelf(await new_knowledge(database, organization_id=owner), shelf.index)
    await neighbour.new("apples next door")
    await shelf.index.delete_knowledge_base(
        owner, knowledge_base_id=version.knowledge_base_id, but=[space]
    )
    await settled(shelf, "apples", [])
    assert await other.texts("apples") == ["apples", "trains"]
    assert await neighbour.texts("apples") == ["apples next door"]


async def test_equal_vectors_of_two_tenants_stay_apart(shelf: Shelf, database: Database) -> None:
    other = Shelf(await new_knowledge(database), shelf.index)
    for each in (shelf, other):
        await each.new("apples")
    assert len(await shelf.found("apples")) == len(await other.found("apples")) == 1
    assert not set(await shelf.found("apples")) & set(await other.found("apples"))
    await shelf.index.delete_knowledge_base(
        shelf.knowledge.organization_id, knowledge_base_id=other.knowledge.knowledge_base_id
    )
    assert await other.texts("apples") == ["apples"]


async def test_what_is_hidden_takes_nobodys_place(shelf: Shelf) -> None:
    """Nearer passages that are not switched on, more of them than are asked for."""
    await shelf.new("apples and pears")
    ref = await shelf.knowledge.add("any")
    await shelf.put(ref, *["apples"] * 12, switch_on=False)
    [found] = await shelf.found("apples", limit=1)
    stored = await Passages(shelf.knowledge.database).by_id(
        shelf.knowledge.organization_id, passage_ids=[found]
    )
    assert [passage.text for passage in stored.values()] == ["apples and pears"]
