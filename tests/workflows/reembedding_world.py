"""A knowledge base on its way to another model, and a worker whose steps die on demand."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from openai import AsyncOpenAI
from temporalio import activity
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment
from temporalio.worker import Worker
from ulid import ULID

from activities.reembedding import ReembeddingActivities
from adapters.openai.embeddings import Embeddings
from adapters.postgres.embedding_spaces import EmbeddingSpaces, begin_move, call_off_move
from adapters.postgres.passages import Passages
from adapters.postgres.tables import KnowledgeBase
from adapters.query_embeddings import QueryEmbeddings
from adapters.retrieval import Retriever
from adapters.vectors.index import EmbeddingSpace, VectorIndex
from contracts.embedding import (
    EmbeddingModel,
    FailedReembedding,
    ReembeddedBatch,
    ReembedKnowledgeBase,
)
from contracts.ids import OrganizationId, PassageId, reembedding_workflow_id
from contracts.ingestion import (
    ActivateVersion,
    ChunkedDocument,
    EmbedPassages,
    IngestDocument,
)
from contracts.names import SPACE_CHANGED_SIGNAL
from tests.embedding_server import vector_of
from tests.ingestion import ingestion_activities, words
from tests.knowledge import MODEL, Knowledge, MemoryUsage
from workflows.reembed_knowledge_base import ReembedKnowledgeBaseWorkflow

OTHER = "another-model"
NEW = EmbeddingModel(name=OTHER, dimensions=32)
BATCH = 4
"""Passages of a step, so that a few make several."""


@dataclass
class Costs(MemoryUsage):
    """What embedding for another model costs, by the first passage of a batch."""

    batches: dict[tuple[PassageId, int], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__()

    async def record_reembedding(
        self,
        organization_id: OrganizationId,  # noqa: ARG002 - one organisation is enough here
        *,
        passage_id: PassageId,
        number: int,
        model: str,  # noqa: ARG002 - the tests have one
        tokens: int,
    ) -> None:
        self.batches.setdefault((passage_id, number), tokens)


class Mortal:
    """The real activities; each dies once at the named points: `before switch_space`, …"""

    def __init__(self, real: ReembeddingActivities) -> None:
        self._real = real
        self.dies: set[str] = set()
        self.meanwhile: dict[str, Callable[[], Awaitable[None]]] = {}
        """What happens once, before the step of that name."""
        self.batches = 0

    @activity.defn(name="reembed_batch")
    async def reembed_batch(self, ref: ReembedKnowledgeBase) -> ReembeddedBatch:
        await self._begin("reembed_batch")
        done = await self._real.reembed_batch(ref)
        self.batches += 1
        self._end("reembed_batch")
        return done

    @activity.defn(name="switch_space")
    async def switch_space(self, ref: ReembedKnowledgeBase) -> bool:
        await self._begin("switch_space")
        done = await self._real.switch_space(ref)
        self._end("switch_space")
        return done

    @activity.defn(name="forget_spaces")
    async def forget_spaces(self, ref: ReembedKnowledgeBase) -> None:
        await self._begin("forget_spaces")
        await self._real.forget_spaces(ref)
        self._end("forget_spaces")

    @activity.defn(name="fail_reembedding")
    async def fail_reembedding(self, request: FailedReembedding) -> None:
        await self._begin("fail_reembedding")
        await self._real.fail_reembedding(request)
        self._end("fail_reembedding")

    async def _begin(self, step: str) -> None:
        happening = self.meanwhile.pop(step, None)
        if happening is not None:
            await happening()
        self._die(f"before {step}")

    def _end(self, step: str) -> None:
        self._die(f"after {step}")

    def _die(self, point: str) -> None:
        if point in self.dies:
            self.dies.remove(point)
            raise RuntimeError(point)


class World:
    """A knowledge base whose passages are to get another model's vectors."""

    def __init__(self, knowledge: Knowledge, client: AsyncOpenAI, index: VectorIndex) -> None:
        embeddings = Embeddings(client, model=MODEL, count_tokens=words, offered=[OTHER])
        self.knowledge = knowledge
        self.index = index
        self.costs = Costs()
        self.spaces = EmbeddingSpaces(knowledge.database)
        self.ingestion = ingestion_activities(
            knowledge, client, offered=[OTHER], index=index, usage=self.costs
        )
        self.mortal = Mortal(
            ReembeddingActivities(
                self.spaces,
                embeddings=embeddings,
                index=index,
                usage=self.costs,
                count_tokens=words,
                batch=BATCH,
            )
        )
        self.retriever = Retriever(
            Passages(knowledge.database), index=index, embeddings=QueryEmbeddings(embeddings)
        )
        self.ref = ReembedKnowledgeBase(
            organization_id=knowledge.organization_id,
            knowledge_base_id=knowledge.knowledge_base_id,
            settle_seconds=0.1,
        )

    async def base(self) -> KnowledgeBase:
        async with self.knowledge.database.tenant(self.ref.organization_id) as session:
            return await session.get_one(KnowledgeBase, self.ref.knowledge_base_id)

    async def aim(self, model: EmbeddingModel | None) -> None:
        """Send the knowledge base on its way, or call that off."""
        async with self.knowledge.database.tenant(self.ref.organization_id) as session:
            base = await session.get_one(KnowledgeBase, self.ref.knowledge_base_id)
            if model is None:
                call_off_move(base)
            else:
                begin_move(base, to=model)
            session.add(base)

    async def embedded(self, ref: IngestDocument) -> ActivateVersion:
        """A document that is cut and embedded, and not switched on."""
        run = ActivityEnvironment().run
        chunked: ChunkedDocument = await run(self.ingestion.chunk_document, ref)
        await run(
            self.ingestion.embed_passages,
            EmbedPassages(
                document=ref,
                version=chunked.version,
                start=0,
                end=chunked.passage_count,
                passage_count=chunked.passage_count,
            ),
        )
        return ActivateVersion(
            document=ref,
            version=chunked.version,
            passage_count=chunked.passage_count,
            content_sha256=chunked.content_sha256,
        )

    async def switch_on(self, request: ActivateVersion) -> None:
        await ActivityEnvironment().run(self.ingestion.activate_version, request)

    async def add(self, *texts: str) -> None:
        for text in texts:
            await self.switch_on(await self.embedded(await self.knowledge.add(text)))

    async def found_by_meaning(self, query: str) -> str | None:
        """The text of the passage whose vector is nearest, through the whole retriever."""
        found = await self.retriever.search(
            self.ref.organization_id,
            knowledge_base_ids=[self.ref.knowledge_base_id],
            queries=[query],
            limit=1,
        )
        assert not found.lexical_only
        [best] = found.hits
        return best.text if best.dense_score is not None else None

    async def vectors(self, model: str, dimension: int) -> int:
        """How many there are in a space."""
        [hits] = await self.index.search(
            self.ref.organization_id,
            space=EmbeddingSpace(model, dimension),
            knowledge_base_ids=[self.ref.knowledge_base_id],
            vectors=[vector_of("any", dimension=dimension)],
            limit=1000,
        )
        return len(hits)

    @asynccontextmanager
    async def working(self, client: Client, *, queue: str | None = None) -> AsyncIterator[str]:
        queue = queue or f"reembedding-{ULID()}"
        async with Worker(
            client,
            task_queue=queue,
            # The test server waits for a worker that has it in its cache, also when that is gone.
            max_cached_workflows=0,
            workflows=[ReembedKnowledgeBaseWorkflow],
            activities=[
                self.mortal.reembed_batch,
                self.mortal.switch_space,
                self.mortal.forget_spaces,
                self.mortal.fail_reembedding,
            ],
        ):
            yield queue

    async def move(self, client: Client, queue: str) -> None:
        """As the API does it: start, or tell the one that runs; and wait for its end."""
        handle = await client.start_workflow(
            ReembedKnowledgeBaseWorkflow.run,
            self.ref,
            id=reembedding_workflow_id(self.ref.knowledge_base_id),
            task_queue=queue,
            start_signal=SPACE_CHANGED_SIGNAL,
        )
        await handle.result()


DAYS = [f"On day {n} we serve dish{n}." for n in range(10)]
