"""Knowledge bases of one organisation, filled by the product's own steps of ingestion."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlmodel import col, select
from temporalio.testing import ActivityEnvironment
from ulid import ULID

from activities.ingestion import IngestionActivities
from activities.passage_embedding import PassageEmbedder
from adapters.knowledge import Knowledge
from adapters.openai.tokens import count_tokens
from adapters.parsing.document import ParsedDocument
from adapters.parsing.parser import DocumentParser
from adapters.postgres.database import Database
from adapters.postgres.ingestion import Ingestions
from adapters.postgres.kept_embeddings import KeptEmbeddings
from adapters.postgres.tables import Document, Organization, Passage
from contracts.ids import KnowledgeBaseId, OrganizationId, PassageId
from contracts.ingestion import ActivateVersion, EmbedPassages, IngestDocument
from tests.ingestion import NoLimit
from tests.knowledge import Knowledge as Filing
from tests.knowledge import MemoryContents, MemoryUsage, new_knowledge

AT_ONCE = 4
"""Documents that are ingested side by side; the model server computes one batch at a time."""


@dataclass(frozen=True)
class Source:
    """A file to ingest."""

    title: str
    content: bytes


@dataclass(frozen=True)
class Filed:
    """A passage as it came to be stored."""

    passage_id: PassageId
    knowledge_base_id: KnowledgeBaseId
    title: str
    heading: str | None
    text: str

    @property
    def searched(self) -> str:
        """What the search by words sees of it."""
        return f"{self.heading or ''} {self.text}"


class Parser(Protocol):
    async def parse(self, content: bytes) -> ParsedDocument: ...


class PlainText:
    """For a thousand short texts: what the parser would say of each, without a process for it."""

    async def parse(self, content: bytes) -> ParsedDocument:
        return ParsedDocument(text=content.decode())


class Library:
    """One organisation's documents."""

    def __init__(
        self, database: Database, knowledge: Knowledge, *, organization_id: OrganizationId
    ) -> None:
        self.organization_id = organization_id
        self._database = database
        self._knowledge = knowledge
        self._contents = MemoryContents()

    @classmethod
    async def open(cls, database: Database, knowledge: Knowledge) -> "Library":
        organization_id = OrganizationId(f"org_{ULID()}")
        async with database.platform() as session:
            session.add(Organization(id=organization_id, name="Quality"))
        return cls(database, knowledge, organization_id=organization_id)

    async def add(
        self, sources: Sequence[Source], *, language: str, parser: Parser | None = None
    ) -> KnowledgeBaseId:
        """A new knowledge base with these documents, all of them ready.

        Args:
            language: of PostgreSQL's text search.
            parser: the product's own, unless another is given.
        """
        filing = await new_knowledge(
            self._database,
            contents=self._contents,
            model=self._knowledge.embeddings.model,
            language=language,
            organization_id=self.organization_id,
        )
        ingestions = Ingestions(self._database)
        activities = IngestionActivities(
            ingestions,
            contents=self._contents,
            parser=parser or DocumentParser(),  # type: ignore[arg-type] # it parses, like the other
            embedder=PassageEmbedder(
                ingestions,
                kept=KeptEmbeddings(self._database),
                embeddings=self._knowledge.embeddings,
                quota=NoLimit(),
                usage=MemoryUsage(),
                count_tokens=count_tokens,
            ),
            index=self._knowledge.index,
            count_tokens=count_tokens,
        )
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(source: Source) -> None:
            async with gate:
                await _ingest(activities, await _file(filing, source))

        await asyncio.gather(*(one(source) for source in sources))
        return filing.knowledge_base_id

    async def passages(
        self, knowledge_base_ids: Collection[KnowledgeBaseId]
    ) -> Mapping[PassageId, Filed]:
        """All of their passages, by id."""
        async with self._database.tenant(self.organization_id) as session:
            rows = await session.exec(
                select(Passage, Document.title)
                .join(Document, col(Document.id) == Passage.document_id)
                .where(col(Passage.knowledge_base_id).in_(knowledge_base_ids))
                .order_by(col(Passage.id))
            )
            return {
                passage.id: Filed(
                    passage.id, passage.knowledge_base_id, title, passage.heading, passage.text
                )
                for passage, title in rows
            }


async def _file(filing: Filing, source: Source) -> IngestDocument:
    return await filing.add(source.content, title=source.title)


async def _ingest(activities: IngestionActivities, document: IngestDocument) -> None:
    """As the workflow does it, in one batch."""
    environment = ActivityEnvironment()
    chunked = await environment.run(activities.chunk_document, document)
    await environment.run(
        activities.embed_passages,
        EmbedPassages(
            document=document,
            version=chunked.version,
            start=0,
            end=chunked.passage_count,
            passage_count=chunked.passage_count,
        ),
    )
    await environment.run(
        activities.activate_version,
        ActivateVersion(
            document=document,
            version=chunked.version,
            passage_count=chunked.passage_count,
            content_sha256=chunked.content_sha256,
        ),
    )
