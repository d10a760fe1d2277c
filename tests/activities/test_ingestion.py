"""The steps of ingestion, each on real PostgreSQL and over HTTP to an embeddings endpoint."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from openai import AsyncOpenAI
from pydantic import SecretStr
from sqlalchemy import text
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from adapters.openai.embeddings import Embeddings
from adapters.parsing.document import ParsedDocument
from adapters.parsing.parser import DocumentParser
from adapters.postgres.database import Database
from adapters.postgres.ingestion import Ingestions
from adapters.postgres.passages import Passages
from adapters.postgres.tables import Document
from adapters.query_embeddings import QueryEmbeddings
from adapters.retrieval import Hit, Retriever
from adapters.vectors.index import (
    DocumentVersion,
    EmbeddingSpace,
    PassageVector,
    VectorIndex,
    WriteToken,
)
from adapters.vectors.pgvector import PgVectorIndex
from adapters.vectors.pinecone import PineconeIndex
from contracts.ingestion import (
    ActivatedVersion,
    ActivateVersion,
    ChunkedDocument,
    EmbeddingTurn,
    EmbedPassages,
    FailedDocument,
    IngestDocument,
)
from tests.embedding_server import EmbeddingServer, Failure
from tests.http_server import serving
from tests.ingestion import ingestion_activities, words
from tests.knowledge import MODEL, Knowledge, MemoryUsage, new_knowledge
from tests.pinecone_emulator.app import PineconeEmulator

HANDBOOK = "\n\n".join(
    ["# Handbook"]
    + [f"## Rule {n}\n\n" + f"About subject{n} we say the following words. " * 30 for n in range(6)]
)


class Quota:
    """Whose turn it is, as the test says."""

    def __init__(self) -> None:
        self.come_back: float | None = None
        self.asked: list[dict[str, Any]] = []

    async def turn(self, *_who: object, **asked: Any) -> float | None:
        self.asked.append(asked)
        return self.come_back


class Steps:
    """The activities of one knowledge base, run as a worker would run them."""

    def __init__(
        self,
        knowledge: Knowledge,
        client: AsyncOpenAI,
        *,
        model: str = MODEL,
        tokens: Callable[[str], int] = words,
        index: VectorIndex | None = None,
    ) -> None:
        embeddings = Embeddings(client, model=model, count_tokens=tokens)
        index = index or PgVectorIndex(knowledge.database)
        self.knowledge = knowledge
        self.usage = MemoryUsage()
        self.quota = Quota()
        self.activities = ingestion_activities(
            knowledge,
            client,
            model=model,
            tokens=tokens,
            index=index,
            usage=self.usage,
            quota=self.quota,
        )
        self.retriever = Retriever(
            Passages(knowledge.database), index=index, embeddings=QueryEmbeddings(embeddings)
        )
        self._environment = ActivityEnvironment()

    async def chunk(self, ref: IngestDocument) -> ChunkedDocument:
        return await self._environment.run(self.activities.chunk_document, ref)

    async def embed(self, ref: IngestDocument, chunked: ChunkedDocument) -> EmbeddingTurn | None:
        batch = EmbedPassages(
            document=ref,
            version=chunked.version,
            start=0,
            end=chunked.passage_count,
            passage_count=chunked.passage_count,
        )
        return await self._environment.run(self.activities.embed_passages, batch)

    async def activate(self, ref: IngestDocument, chunked: ChunkedDocument) -> ActivatedVersion:
        request = ActivateVersion(
            document=ref,
            version=chunked.version,
            passage_count=chunked.passage_count,
            content_sha256=chunked.content_sha256,
            replaced_sha256=chunked.replaced_sha256,
        )
        activated = await self._environment.run(self.activities.activate_version, request)
        assert activated is not None
        return activated

    async def discard(self, ref: IngestDocument) -> bool:
        return await self._environment.run(self.activities.discard_document, ref)

    async def fail(self, ref: IngestDocument, sentence: str) -> None:
        request = FailedDocument(document=ref, error=sentence)
        await self._environment.run(self.activities.fail_document, request)

    async def ingest(self, ref: IngestDocument) -> ChunkedDocument:
        chunked = await self.chunk(ref)
        if not chunked.unchanged:
            await self.embed(ref, chunked)
        await self.activate(ref, chunked)
        return chunked

    async def search(self, query: str, *, limit: int = 3) -> list[Hit]:
        found = await self.retriever.search(
            self.knowledge.organization_id,
            knowledge_base_ids=[self.knowledge.knowledge_base_id],
            queries=[query],
            limit=limit,
        )
        return found.hits


@pytest.fixture
async def steps(database: Database, embedding_client: AsyncOpenAI) -> Steps:
    return Steps(await new_knowledge(database), embedding_client)


async def test_a_document_becomes_ready_and_is_found_with_its_place(steps: Steps) -> None:
    ref = await steps.knowledge.add(HANDBOOK)
    chunked = await steps.ingest(ref)
    document = await steps.knowledge.document(ref)
    assert (document.status, document.progress, document.error) == ("ready", 1, None)
    assert document.chunk_count == chunked.passage_count > 1
    best = (await steps.search("subject4"))[0]
    assert "subject4" in best.text
    assert best.heading is not None
    assert best.heading.startswith("Handbook > Rule")
    assert (best.document_id, best.title) == (ref.document_id, "Handbook")


async def test_nothing_is_found_before_the_version_is_switched_on(steps: Steps) -> None:
    ref = await steps.knowledge.add(HANDBOOK)
    chunked = await steps.chunk(ref)
    await steps.embed(ref, chunked)
    assert await steps.search("subject4") == []
    await steps.activate(ref, chunked)
    assert await steps.search("subject4") != []


async def test_every_step_may_be_repeated(steps: Steps, embedding_server: EmbeddingServer) -> None:
    ref = await steps.knowledge.add(HANDBOOK)
    await steps.chunk(ref)
    chunked = await steps.chunk(ref)
    await steps.embed(ref, chunked)
    await steps.embed(ref, chunked)
    await steps.activate(ref, chunked)
    await steps.activate(ref, chunked)
    passages = await steps.knowledge.passages(ref)
    assert [p.position for p in passages] == list(range(chunked.passage_count))
    assert {p.version for p in passages} == {chunked.version}
    assert len(embedding_server.inputs) == len(set(embedding_server.inputs))


async def test_unchanged_content_is_not_embedded_again(
    steps: Steps, embedding_server: EmbeddingServer
) -> None:
    ref = await steps.knowledge.add(HANDBOOK)
    first = await steps.ingest(ref)
    asked = len(embedding_server.requests)
    await steps.knowledge.replace(ref, HANDBOOK)
    again = await steps.ingest(ref)
    assert again.unchanged
    assert again.version == first.version
    assert len(embedding_server.requests) == asked
    assert (await steps.knowledge.document(ref)).status == "ready"


async def test_a_new_version_takes_over_at_once_and_the_old_one_goes(steps: Steps) -> None:
    ref = await steps.knowledge.add("We deliver to Lisbon.")
    await steps.ingest(ref)
    await steps.knowledge.replace(ref, "We deliver to Porto.")
    chunked = await steps.chunk(ref)
    await steps.embed(ref, chunked)
    assert [hit.text for hit in await steps.search("deliver")] == ["We deliver to Lisbon."]
    await steps.activate(ref, chunked)
    assert [hit.text for hit in await steps.search("deliver")] == ["We deliver to Porto."]
    assert [p.text for p in await steps.knowledge.passages(ref)] == ["We deliver to Porto."]


async def test_content_replaced_during_ingestion_is_not_taken_for_ingested(steps: Steps) -> None:
    ref = await steps.knowledge.add("The first text.")
    chunked = await steps.chunk(ref)
    await steps.knowledge.replace(ref, "The second text.")
    await steps.embed(ref, chunked)
    assert not (await steps.activate(ref, chunked)).is_current
    assert (await steps.knowledge.document(ref)).status == "processing"
    again = await steps.ingest(ref)
    assert not again.unchanged
    assert [p.text for p in await steps.knowledge.passages(ref)] == ["The second text."]


async def test_a_failure_leaves_the_searched_version_alone(steps: Steps) -> None:
    ref = await steps.knowledge.add("We deliver to Lisbon.")
    await steps.ingest(ref)
    await steps.knowledge.replace(ref, b"%PDF-1.7 but not really")
    with pytest.raises(ApplicationError) as caught:
        await steps.chunk(ref)
    assert caught.value.non_retryable
    assert caught.value.type == "UnreadableDocument"
    await steps.fail(ref, caught.value.message)
    document = await steps.knowledge.document(ref)
    assert document.status == "failed"
    assert document.error is not None
    assert "not a complete PDF" in document.error
    assert document.error.endswith("Answers are still given from the version before.")
    assert set(steps.knowledge.contents.of(ref.organization_id)) == {
        b"We deliver to Lisbon.",
        b"%PDF-1.7 but not really",
    }
    assert [hit.text for hit in await steps.search("deliver")] == ["We deliver to Lisbon."]


PAGES = [f"# Page {n}\n\n" + f"Words of subject{n} are these. " * 80 for n in range(4)]


async def test_of_a_changed_document_only_what_is_new_is_paid_for(
    steps: Steps, embedding_server: EmbeddingServer
) -> None:
    ref = await steps.knowledge.add("\n\n".join(PAGES))
    first = await steps.ingest(ref)
    assert first.passage_count == len(PAGES)
    before = len(embedding_server.inputs)
    changed = [*PAGES[:2], PAGES[2].replace("Words", "Sayings"), PAGES[3]]
    await steps.knowledge.replace(ref, "\n\n".join(changed))
    await steps.ingest(ref)
    assert embedding_server.inputs[before:]
    assert all("Sayings" in new for new in embedding_server.inputs[before:])
    assert "subject1" in (await steps.search("subject1"))[0].text
    assert len(await steps.knowledge.kept(ref)) == before


async def test_what_was_paid_for_a_version_that_failed_is_not_paid_again(
    steps: Steps, embedding_server: EmbeddingServer
) -> None:
    ref = await steps.knowledge.add("\n\n".join(PAGES))
    chunked = await steps.chunk(ref)
    await steps.embed(ref, chunked)
    await steps.fail(ref, "The vector store is full.")
    paid = len(embedding_server.inputs)
    again = await steps.ingest(ref)
    assert again.version > chunked.version
    assert len(embedding_server.inputs) == paid
    assert (await steps.knowledge.document(ref)).error is None


async def test_an_answer_that_a_crash_left_unaccounted_is_accounted_once(steps: Steps) -> None:
    ref = await steps.knowledge.add("\n\n".join(PAGES))
    chunked = await steps.chunk(ref)
    await steps.embed(ref, chunked)
    noted = dict(steps.usage.tokens)
    assert sum(noted.values()) == 1  # as the server says of a request
    steps.usage.tokens.clear()
    await steps.embed(ref, chunked)
    assert steps.usage.tokens == noted


async def test_the_same_text_twice_is_embedded_once_and_found_once(
    steps: Steps, embedding_server: EmbeddingServer
) -> None:
    ref = await steps.knowledge.add("\n\n".join(["# Terms\n\n" + "As agreed. " * 230] * 2))
    chunked = await steps.ingest(ref)
    assert chunked.passage_count == 2
    assert len(embedding_server.inputs) == len(set(embedding_server.inputs))
    assert [hit.heading for hit in await steps.search("agreed")] == ["Terms"]


async def test_an_organisation_over_its_share_is_told_when_to_come_back(
    steps: Steps, embedding_server: EmbeddingServer
) -> None:
    ref = await steps.knowledge.add("\n\n".join(PAGES))
    chunked = await steps.chunk(ref)
    steps.quota.come_back = 4e9
    turn = await steps.embed(ref, chunked)
    assert turn is not None
    assert turn.at.timestamp() == 4e9
    assert embedding_server.requests == []
    steps.quota.come_back = None
    assert await steps.embed(ref, chunked) is None
    (request,) = embedding_server.requests
    assert steps.quota.asked[1]["tokens"] == sum(map(words, request))
    assert await steps.embed(ref, chunked) is None
    assert len(steps.quota.asked) == 2  # what is kept needs no quota


async def test_a_document_tells_how_far_it_is(steps: Steps) -> None:
    ref = await steps.knowledge.add("\n\n".join(PAGES))
    chunked = await steps.chunk(ref)
    document = await steps.knowledge.document(ref)
    assert (document.stage, document.staged_count, document.embedded_count) == ("embedding", 4, 0)
    assert document.warnings == []
    await steps.embed(ref, chunked)
    document = await steps.knowledge.document(ref)
    assert (document.stage, document.embedded_count) == ("embedding", 4)
    assert document.progress == pytest.approx(0.95)
    await steps.activate(ref, chunked)
    document = await steps.knowledge.document(ref)
    assert (document.stage, document.staged_count, document.embedded_count) == (None, None, 4)


async def test_a_document_of_several_batches_tells_when_it_is_switched_on(
    steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = await steps.knowledge.add("\n\n".join(PAGES))
    chunked = await steps.chunk(ref)
    for start, done in ((0, 0), (2, 0)):
        batch = EmbedPassages(
            document=ref,
            version=chunked.version,
            start=start,
            end=start + 2,
            passage_count=chunked.passage_count,
            done=done,
        )
        await ActivityEnvironment().run(steps.activities.embed_passages, batch)
    shown: list[tuple[str | None, float]] = []
    activate = Ingestions.activate

    async def look_first(self: Ingestions, *args: Any, **kwargs: Any) -> bool:
        document = await steps.knowledge.document(ref)
        shown.append((document.stage, document.progress))
        return await activate(self, *args, **kwargs)

    monkeypatch.setattr(Ingestions, "activate", look_first)
    await steps.activate(ref, chunked)
    assert shown == [("switching_on", 0.95)]


async def test_a_document_that_is_read_for_long_tells_that_it_is(
    steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = await steps.knowledge.add("Open from 9 to 5.")
    shown: list[tuple[str, float]] = []

    async def parse(_self: DocumentParser, content: bytes) -> ParsedDocument:
        while (document := await steps.knowledge.document(ref)).stage != "parsing":
            pass
        shown.append((document.status, document.progress))
        return ParsedDocument(content.decode())

    monkeypatch.setattr(DocumentParser, "parse", parse)
    async with asyncio.timeout(30):
        assert (await steps.chunk(ref)).passage_count == 1
    assert shown == [("processing", 0.02)]
    assert (await steps.knowledge.document(ref)).stage == "embedding"


async def test_the_parser_s_warnings_are_shown(
    steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def parse(_self: DocumentParser, content: bytes) -> ParsedDocument:
        return ParsedDocument(content.decode(), warnings=("Page 2 is a picture without text.",))

    monkeypatch.setattr(DocumentParser, "parse", parse)
    ref = await steps.knowledge.add("Some text.")
    await steps.ingest(ref)
    document = await steps.knowledge.document(ref)
    assert document.warnings == ["Page 2 is a picture without text."]


async def test_the_file_of_the_version_before_goes_unless_another_document_has_it(
    steps: Steps,
) -> None:
    old, new = "We deliver to Lisbon.", "We deliver to Porto."
    ref, twin = await steps.knowledge.add(old), await steps.knowledge.add(old)
    for each in (ref, twin):
        await steps.ingest(each)
    await steps.knowledge.replace(ref, new)
    await steps.ingest(ref)
    assert set(steps.knowledge.contents.of(ref.organization_id)) == {old.encode(), new.encode()}
    await steps.knowledge.replace(twin, new)
    chunked = await steps.chunk(twin)
    await steps.embed(twin, chunked)
    assert old.encode() in steps.knowledge.contents.of(ref.organization_id)
    for _ in range(2):
        await steps.activate(twin, chunked)
    assert steps.knowledge.contents.of(ref.organization_id) == [new.encode()]


async def test_a_deleted_document_leaves_nothing_in_postgresql(
    steps: Steps, database: Database
) -> None:
    ref = await steps.knowledge.add("\n\n".join(PAGES))
    chunked = await steps.chunk(ref)
    await steps.embed(ref, chunked)
    await steps.knowledge.delete(ref)
    async with database.engine.connect() as connection:
        for table in ("passages", "passage_embeddings", "kept_embeddings", "documents"):
            owned = text(f"SELECT count(*) FROM {table} WHERE organization_id = :owner")  # noqa: S608 - names of ours
            assert await connection.scalar(owned, {"owner": ref.organization_id}) == 0


async def test_a_server_that_asks_to_wait_is_waited_for(
    steps: Steps, embedding_server: EmbeddingServer
) -> None:
    ref = await steps.knowledge.add(HANDBOOK)
    chunked = await steps.chunk(ref)
    embedding_server.failures.append(Failure(429, headers={"retry-after": "7"}))
    with pytest.raises(ApplicationError) as caught:
        await steps.embed(ref, chunked)
    assert not caught.value.non_retryable
    assert caught.value.next_retry_delay == timedelta(seconds=7)
    await steps.embed(ref, chunked)


@pytest.mark.parametrize(
    ("failure", "final"),
    [
        (Failure(400), True),
        (Failure(401), True),
        (Failure(404), True),
        (Failure(429, code="insufficient_quota"), True),
        (Failure(500), False),
        (Failure(503), False),
    ],
)
async def test_only_what_may_pass_is_tried_again(
    steps: Steps, embedding_server: EmbeddingServer, failure: Failure, final: bool
) -> None:
    ref = await steps.knowledge.add("Some text.")
    chunked = await steps.chunk(ref)
    embedding_server.failures.append(failure)
    with pytest.raises(ApplicationError) as caught:
        await steps.embed(ref, chunked)
    assert caught.value.type == "ModelServerError"
    assert caught.value.non_retryable is final
    assert embedding_server.requests == []


async def test_vectors_of_another_size_are_refused(
    steps: Steps, embedding_server: EmbeddingServer
) -> None:
    await steps.ingest(await steps.knowledge.add("The first document."))
    embedding_server.dimension = 32
    ref = await steps.knowledge.add("The second document.")
    chunked = await steps.chunk(ref)
    with pytest.raises(ApplicationError, match="new knowledge base") as caught:
        await steps.embed(ref, chunked)
    assert caught.value.non_retryable
    assert caught.value.type == "OtherModel"


async def test_a_knowledge_base_of_another_model_is_refused(
    database: Database, embedding_client: AsyncOpenAI
) -> None:
    steps = Steps(await new_knowledge(database), embedding_client, model="another-model")
    with pytest.raises(ApplicationError, match=f"{MODEL} is not offered") as caught:
        await steps.chunk(await steps.knowledge.add("Some text."))
    assert caught.value.type == "OtherModel"


async def test_a_deleted_document_ends_its_ingestion(steps: Steps) -> None:
    ref = await steps.knowledge.add("Some text.")
    chunked = await steps.chunk(ref)
    await steps.knowledge.delete(ref)
    for step in (steps.chunk(ref), steps.embed(ref, chunked), steps.activate(ref, chunked)):
        with pytest.raises(ApplicationError, match="deleted") as caught:
            await step
        assert caught.value.non_retryable
    await steps.fail(ref, "gone")


async def test_vectors_that_arrive_after_their_document_was_deleted_go_too(
    database: Database, embedding_client: AsyncOpenAI
) -> None:
    class DeletedMeanwhile(PineconeIndex):
        async def upsert(
            self,
            version: DocumentVersion,
            vectors: Sequence[PassageVector],
            *,
            space: EmbeddingSpace,
        ) -> WriteToken | None:
            token = await super().upsert(version, vectors, space=space)
            async with database.tenant(version.organization_id) as session:
                await session.delete(await session.get_one(Document, version.document_id))
            return token

    emulator = PineconeEmulator(api_key="pc-test")
    async with serving(emulator.application) as url:
        emulator.url = url
        index = DeletedMeanwhile(
            api_key=SecretStr("pc-test"),
            index_name="parley",
            default_model=MODEL,
            controller_host=url,
        )
        steps = Steps(await new_knowledge(database), embedding_client, index=index)
        ref = await steps.knowledge.add("Some text.")
        chunked = await steps.chunk(ref)
        assert not await steps.discard(ref)
        with pytest.raises(ApplicationError) as caught:
            await steps.embed(ref, chunked)
        assert caught.value.type == "DocumentGone"
        assert emulator.namespaces[ref.organization_id].visible != {}
        assert await steps.discard(ref)
        assert await steps.discard(ref)
        await index.close()
    assert emulator.namespaces[ref.organization_id].visible == {}


async def test_another_organisation_cannot_ingest_the_document(
    steps: Steps, database: Database
) -> None:
    ref = await steps.knowledge.add("A secret.")
    other = await new_knowledge(database)
    stolen = ref.model_copy(update={"organization_id": other.organization_id})
    with pytest.raises(ApplicationError) as caught:
        await steps.chunk(stolen)
    assert caught.value.type == "DocumentGone"
