"""Retrieval on real PostgreSQL, with vectors of words that can be foretold."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from openai import AsyncOpenAI
from sqlmodel import col, update
from ulid import ULID

from adapters.openai.embeddings import Embeddings
from adapters.postgres import knowledge_bases
from adapters.postgres.database import Database
from adapters.postgres.ingestion import Ingestions
from adapters.postgres.passages import Passages
from adapters.postgres.tables import Document, KnowledgeBase
from adapters.query_embeddings import QueryEmbeddings
from adapters.retrieval import Retrieved, Retriever
from adapters.vectors.index import DocumentVersion, EmbeddingSpace, PassageVector, VectorIndexError
from adapters.vectors.pgvector import PgVectorIndex
from contracts.ids import KnowledgeBaseId, PassageId
from contracts.ingestion import IngestDocument
from domain.chunking import Chunk
from tests.embedding_server import DIMENSION, EmbeddingServer, vector_of
from tests.knowledge import MODEL, Knowledge, new_knowledge


def words(text: str) -> int:
    return len(text.split())


class Library:
    """A knowledge base with passages that were put there without a workflow."""

    def __init__(self, knowledge: Knowledge, client: AsyncOpenAI) -> None:
        self.knowledge = knowledge
        self.index = PgVectorIndex(knowledge.database)
        self.embeddings = QueryEmbeddings(Embeddings(client, model=MODEL, count_tokens=words))
        self.passages = Passages(knowledge.database)
        self.retriever = Retriever(self.passages, index=self.index, embeddings=self.embeddings)

    async def put(self, *texts: str, title: str = "Handbook") -> IngestDocument:
        ref = await self.knowledge.add("any", title=title)
        ingestions = Ingestions(self.knowledge.database)
        chunks = [Chunk(text, 0, len(text), "Section", 7) for text in texts]
        version = await ingestions.stage(ref, chunks=chunks)
        _, staged = await ingestions.staged(ref, version=version, start=0, end=len(texts))
        await ingestions.accept_dimension(ref, model=MODEL, dimension=DIMENSION)
        await self.index.upsert(
            DocumentVersion(ref.organization_id, ref.knowledge_base_id, ref.document_id, version),
            [PassageVector(p.passage_id, p.position, vector_of(p.text)) for p in staged],
            space=EmbeddingSpace(MODEL, DIMENSION),
        )
        await ingestions.activate(
            ref, version=version, passage_count=len(texts), content_sha256="any"
        )
        return ref

    async def search(
        self, *queries: str, limit: int = 5, bases: Sequence[KnowledgeBaseId] | None = None
    ) -> Retrieved:
        return await self.retriever.search(
            self.knowledge.organization_id,
            knowledge_base_ids=[self.knowledge.knowledge_base_id] if bases is None else bases,
            queries=queries,
            limit=limit,
        )

    async def texts(self, *queries: str) -> list[str]:
        return [hit.text for hit in (await self.search(*queries)).hits]


@pytest.fixture
async def library(database: Database, embedding_client: AsyncOpenAI) -> Library:
    return Library(await new_knowledge(database), embedding_client)


async def test_a_hit_can_be_cited(library: Library) -> None:
    ref = await library.put("We deliver to Lisbon.", "We close on Sunday.", title="Shipping")
    [best, _] = (await library.search("deliver Lisbon")).hits
    assert best.text == "We deliver to Lisbon."
    assert (best.document_id, best.title, best.heading) == (ref.document_id, "Shipping", "Section")
    assert (best.page, best.position) == (7, 0)
    assert best.dense_score is not None
    assert 0 < best.dense_score <= 1
    assert best.lexical_score is not None
    assert best.lexical_score > 0


async def test_several_questions_each_find_their_own(library: Library) -> None:
    await library.put("We deliver to Lisbon.", "We close on Sunday.", "Ask for Maria.")
    assert set((await library.texts("deliver Lisbon", "close Sunday"))[:2]) == {
        "We deliver to Lisbon.",
        "We close on Sunday.",
    }


async def test_nothing_is_asked_of_empty_knowledge(
    library: Library, embedding_server: EmbeddingServer
) -> None:
    assert (await library.search("anything")).hits == []
    assert (await library.search("anything", bases=[])).hits == []
    assert (await library.search("", "  ")).hits == []
    assert len(embedding_server.requests) == 1


async def test_words_alone_decide_while_the_model_server_is_down(
    library: Library, embedding_server: EmbeddingServer
) -> None:
    await library.put("We deliver to Lisbon.", "We close on Sunday.")
    embedding_server.down = True
    found = await library.search("Sunday")
    assert found.lexical_only
    assert [hit.text for hit in found.hits] == ["We close on Sunday."]


async def test_words_alone_decide_while_the_index_is_down(library: Library) -> None:
    class Broken(PgVectorIndex):
        async def search(self, *_: Any, **__: Any) -> list[Mapping[PassageId, float]]:
            raise VectorIndexError("down", retryable=True)

    await library.put("We close on Sunday.")
    library.retriever = Retriever(
        library.passages,
        index=Broken(library.knowledge.database),
        embeddings=library.embeddings,
    )
    found = await library.search("Sunday")
    assert found.lexical_only
    assert [hit.text for hit in found.hits] == ["We close on Sunday."]


async def test_a_knowledge_base_of_another_model_is_searched_by_words(
    library: Library, database: Database
) -> None:
    await library.put("We close on Sunday.", "We deliver to Lisbon.")
    async with database.tenant(library.knowledge.organization_id) as session:
        await session.exec(
            update(KnowledgeBase)
            .where(col(KnowledgeBase.id) == library.knowledge.knowledge_base_id)
            .values(embedding_model="another")
        )
    found = await library.search("Sunday")
    assert found.lexical_only
    assert [hit.text for hit in found.hits] == ["We close on Sunday."]


async def test_the_language_finds_inflected_words(
    database: Database, embedding_client: AsyncOpenAI, embedding_server: EmbeddingServer
) -> None:
    embedding_server.down = True
    for language, found in (("english", ["Deliveries take two days."]), ("simple", [])):
        knowledge = await new_knowledge(database, language=language)
        library = Library(knowledge, embedding_client)
        await library.put("Deliveries take two days.", "Nothing of the kind.")
        assert await library.texts("what about a delivery?") == found


async def test_an_unknown_language_is_searched_word_by_word(
    database: Database, embedding_client: AsyncOpenAI
) -> None:
    library = Library(await new_knowledge(database, language="klingon"), embedding_client)
    await library.put("We close on Sunday.")
    assert await library.texts("Sunday") == ["We close on Sunday."]


@pytest.mark.parametrize(
    "query",
    [
        "a & b | !c <-> (d",
        "'; DROP TABLE passages; --",
        "\\",
        "''''",
        "a' & 'b",
        ":* <->",
        "é" * 3000,
    ],
)
async def test_a_question_is_text_and_never_syntax(library: Library, query: str) -> None:
    await library.put("We close on Sunday.")
    assert await library.texts(query) == ["We close on Sunday."]


async def test_a_version_that_was_switched_off_meanwhile_is_dropped(
    library: Library, database: Database
) -> None:
    ref = await library.put("We close on Sunday.")
    [hit] = (await library.search("Sunday")).hits
    async with database.tenant(ref.organization_id) as session:
        await session.exec(
            update(Document).where(col(Document.id) == ref.document_id).values(active_version=None)
        )
    assert (await library.search("Sunday")).hits == []
    assert (
        await library.retriever.passages_by_id(ref.organization_id, passage_ids=[hit.passage_id])
        == {}
    )


async def test_a_hit_of_an_index_that_mixes_tenants_up_is_dropped(
    library: Library, database: Database, embedding_client: AsyncOpenAI
) -> None:
    """Isolation fails closed: what the index says is read again under row-level security."""
    other = Library(await new_knowledge(database), embedding_client)
    secret = f"secret {ULID()}"
    await other.put(secret)
    [stolen] = (await other.search("secret")).hits
    await library.put("We close on Sunday.")

    class Confused(PgVectorIndex):
        async def search(self, *_: Any, **__: Any) -> list[Mapping[PassageId, float]]:
            return [{stolen.passage_id: 1.0}]

    library.retriever = Retriever(
        library.passages, index=Confused(database), embeddings=library.embeddings
    )
    assert await library.texts(secret) == []
    assert await library.texts("Sunday") == ["We close on Sunday."]


async def test_a_deleted_knowledge_base_is_not_found_by_a_process_that_has_searched_it(
    library: Library, database: Database, embedding_client: AsyncOpenAI
) -> None:
    """The question is remembered there, but no answer is."""
    elsewhere = Library(library.knowledge, embedding_client)
    await library.put("We close on Sunday.")
    assert await elsewhere.texts("Sunday") == ["We close on Sunday."]
    organization_id = library.knowledge.organization_id
    async with database.tenant(organization_id) as session:
        row = await knowledge_bases.get(session, library.knowledge.knowledge_base_id)
        assert row is not None
        await knowledge_bases.delete(session, row)
    assert await elsewhere.texts("Sunday") == []


async def test_another_organisations_knowledge_base_is_nobodys(
    library: Library, database: Database, embedding_client: AsyncOpenAI
) -> None:
    other = Library(await new_knowledge(database), embedding_client)
    await other.put("Their secret.")
    assert (await library.search("secret", bases=[other.knowledge.knowledge_base_id])).hits == []


async def test_a_hit_tells_what_speaks_for_it(library: Library) -> None:
    await library.put("We deliver to Lisbon.", "We close on Sunday.", "Deliveries cost nothing.")
    found = await library.search("deliver Lisbon")
    best = found.hits[0]
    assert (best.dense_rank, best.lexical_rank, best.relevant) == (1, 1, True)
    assert best.wording_score == 1
    assert (best.start_offset, best.end_offset, best.url) == (0, len(best.text), None)
    by_slip = next(hit for hit in found.hits if hit.text.startswith("Deliveries"))
    assert (by_slip.lexical_rank, by_slip.lexical_score) == (None, None)
    assert 0 < by_slip.wording_score < 1
    assert [hit.score for hit in found.hits] == sorted(
        (hit.score for hit in found.hits), reverse=True
    )
    assert min(found.timings.embedding, found.timings.words, found.timings.meaning) > 0


async def test_a_word_with_a_slip_lifts_its_passage(
    library: Library, embedding_server: EmbeddingServer
) -> None:
    """Neither leg knows the word that was meant; its runs of four letters do."""
    await library.put(*(f"Chapter {n} is about something else." for n in range(6)))
    await library.put("Delivery is free.", "Warranty is long.")
    assert (await library.texts("is the warrranty chapter long or is it free"))[0] == (
        "Warranty is long."
    )
    assert embedding_server.requests


async def test_the_same_text_in_two_documents_is_found_once(library: Library) -> None:
    await library.put("We close on Sunday.", "Ask for Maria.", title="One")
    await library.put("**We close** on   Sunday!", title="Two")
    assert len([text for text in await library.texts("close Sunday") if "Sunday" in text]) == 1


async def test_a_model_that_was_not_measured_has_no_threshold(library: Library) -> None:
    await library.put("We close on Sunday.")
    found = await library.search("zebra")
    assert (found.least_cosine, found.answerable, len(found.hits)) == (None, True, 1)
    assert not (await library.search("zebra", bases=[])).answerable


async def test_under_the_threshold_of_its_model_nothing_counts_as_found(
    database: Database, embedding_client: AsyncOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.retrieval.least_cosine", lambda _model: 0.6)
    library = Library(await new_knowledge(database), embedding_client)
    await library.put("We close on Sunday.", "Repairs take two days.")
    unrelated = await library.search("zebra crossing")
    assert (unrelated.answerable, [hit.relevant for hit in unrelated.hits]) == (False, [False] * 2)
    # One that bears on the question brings the others along.
    related = await library.search("We close on Sunday")
    assert (related.answerable, [hit.relevant for hit in related.hits]) == (True, [True, False])
    # Far by its cosine, and still with most of the question's words.
    assert (await library.search("repairs")).hits[0].relevant


async def test_words_alone_know_no_threshold(
    library: Library, embedding_server: EmbeddingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.retrieval.least_cosine", lambda _model: 0.99)
    await library.put("We close on Sunday.")
    embedding_server.down = True
    found = await library.search("are you there on Sunday")
    assert (found.lexical_only, found.least_cosine, found.answerable) == (True, None, True)
