"""Workers for ingestion that die, or see things happen, at any call of their steps to the world."""

import asyncio
import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from openai import AsyncOpenAI
from sqlalchemy import text
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import UnsandboxedWorkflowRunner, Worker
from ulid import ULID

from activities import ingestion
from activities.ingestion import IngestionActivities
from activities.passage_embedding import EmbeddingQuota
from adapters.parsing.document import ParsedDocument
from adapters.parsing.parser import DocumentParser
from adapters.postgres.database import Database
from adapters.postgres.embedding_spaces import EmbeddingSpaces
from adapters.vectors.index import VectorIndex
from contracts.ingestion import IngestDocument
from tests.embedding_server import EmbeddingServer
from tests.http_server import serving
from tests.ingestion import ingestion_activities
from tests.knowledge import Knowledge, MemoryUsage, new_knowledge
from workflows import ingest_document
from workflows.ingest_document import IngestDocumentWorkflow

OLD = "\n\n".join(f"# Rule {n}\n\n" + f"Subject{n} has these words. " * 90 for n in range(4))
NEW = OLD.replace("Subject2", "Matter2").replace("Subject3", "Matter3")
"""Half of its passages are of the version before."""


class Killed(BaseException):
    """What a process hears of its own death: nothing that it could handle."""


class Process:
    """Counts the calls of its adapters; right after one of them it dies, or something happens."""

    def __init__(
        self,
        *,
        dies_after: int | None = None,
        happens_after: int | None = None,
        event: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._dies_after = dies_after
        self._happens_after = happens_after
        self._event = event
        self.calls = 0
        self.happened = False
        self.unkept = False
        """The embedding server was asked, and its answer is not kept."""
        self.died = asyncio.Event()

    def door(self, adapter: Any) -> Any:
        return _Door(adapter, self)

    async def call(self, method: Any, arguments: Any, named: Any) -> Any:
        if self.calls == self._dies_after:
            self.died.set()
        if self.died.is_set():
            raise Killed
        self.calls += 1
        mine = self.calls == self._dies_after
        if method.__name__ == "embed":
            self.unkept = True
        now = self.calls == self._happens_after
        result = await method(*arguments, **named)
        if now and self._event is not None:
            self.happened = True
            # Whatever it does to this step, it happens as a whole.
            await asyncio.shield(asyncio.ensure_future(self._event()))
        if method.__name__ == "put":
            self.unkept = False
        if mine or self.died.is_set():
            self.died.set()
            raise Killed
        return result


class _Door:
    def __init__(self, adapter: Any, process: Process) -> None:
        self._adapter = adapter
        self._process = process

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._adapter, name)
        if isinstance(found, EmbeddingSpaces):
            return _Door(found, self._process)
        if name == "using":
            return lambda model: _Door(found(model), self._process)
        if not inspect.iscoroutinefunction(found):
            return found

        @functools.wraps(found)
        async def call(*arguments: Any, **named: Any) -> Any:
            return await self._process.call(found, arguments, named)

        return call


@dataclass
class World:
    """One document that was ingested, then replaced, and the worker that takes it further."""

    client: Client
    knowledge: Knowledge
    openai: AsyncOpenAI
    server: EmbeddingServer
    usage: MemoryUsage
    queue: str
    index: VectorIndex | None = None

    def steps(self, process: Process, quota: EmbeddingQuota | None) -> IngestionActivities:
        return ingestion_activities(
            self.knowledge,
            self.openai,
            index=self.index,
            usage=self.usage,
            quota=quota,
            door=process.door,
        )

    @asynccontextmanager
    async def worker(
        self, process: Process, *, quota: EmbeddingQuota | None = None
    ) -> AsyncIterator[None]:
        steps = self.steps(process, quota)
        async with Worker(
            self.client,
            task_queue=self.queue,
            workflows=[IngestDocumentWorkflow],
            activities=[
                steps.chunk_document,
                steps.embed_passages,
                steps.activate_version,
                steps.fail_document,
                steps.discard_document,
            ],
            # In the sandbox, the workflow would have constants of its own.
            workflow_runner=UnsandboxedWorkflowRunner(),
            # Nothing waits for a worker that is gone.
            max_cached_workflows=0,
            graceful_shutdown_timeout=timedelta(0),
        ):
            yield

    async def start(self, ref: IngestDocument) -> WorkflowHandle[Any, str]:
        return await self.client.start_workflow(
            IngestDocumentWorkflow.run, ref, id=f"ingest/{ref.document_id}", task_queue=self.queue
        )

    async def end(self, ref: IngestDocument) -> dict[str, Any]:
        """All that is left of it, by what it says and not by which version it is."""
        document = await self.knowledge.document(ref)
        passages = await self.knowledge.passages(ref)
        assert {passage.version for passage in passages} == {document.active_version}
        async with self.knowledge.database.tenant(ref.organization_id) as session:
            vectors = await (await session.connection()).execute(
                text(
                    "SELECT passage.position, part, embedding::text FROM passage_embeddings "
                    "JOIN passages AS passage ON passage.id = passage_id "
                    "WHERE passage.document_id = :document_id"
                ),
                {"document_id": ref.document_id},
            )
            vectors_of = {(position, part): vector for position, part, vector in vectors}
        return {
            "status": (document.status, document.stage, document.error, document.progress),
            "counts": (document.chunk_count, document.staged_count, document.embedded_count),
            "content": document.active_sha256 == document.content_sha256,
            "passages": [(one.position, one.heading, one.text) for one in passages],
            "vectors": vectors_of,
            "kept": sorted(one.input_sha256 for one in await self.knowledge.kept(ref)),
            "files": self.knowledge.contents.of(ref.organization_id),
        }


@asynccontextmanager
async def a_world(client: Client, database: Database) -> AsyncIterator[World]:
    server = EmbeddingServer()
    async with (
        serving(server.application) as url,
        AsyncOpenAI(base_url=f"{url}/v1", api_key="test") as openai,
    ):
        yield World(
            client,
            await new_knowledge(database),
            openai,
            server,
            MemoryUsage(),
            f"ingestion-{ULID()}",
        )


async def replaced(world: World) -> IngestDocument:
    """A document with a version that is searched and another content."""
    ref = await world.knowledge.add(OLD)
    async with world.worker(Process()):
        assert await (await world.start(ref)).result() == "ready"
    await world.knowledge.replace(ref, NEW)
    return ref


def make_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two passages a batch; cutting is always shown, as if it lasted. Parsing in a process of its
    own is for the tests of the parser."""

    async def parse(_self: DocumentParser, content: bytes) -> ParsedDocument:
        return ParsedDocument(content.decode())

    monkeypatch.setattr(DocumentParser, "parse", parse)
    monkeypatch.setattr(ingest_document, "BATCH", 2)
    monkeypatch.setattr(ingestion, "SHOWN_AFTER", 0)
