"""Builds organisations, knowledge bases and documents in PostgreSQL, for tests."""

import hashlib
from dataclasses import dataclass

from sqlmodel import col, select
from ulid import ULID

from adapters.postgres.database import Database
from adapters.postgres.tables import (
    Document,
    KeptEmbedding,
    KnowledgeBase,
    Organization,
    Passage,
)
from contracts.ids import DocumentId, KnowledgeBaseId, OrganizationId
from contracts.ingestion import IngestDocument

MODEL = "counting-words"


class MemoryContents:
    """Uploaded files, kept in memory."""

    def __init__(self) -> None:
        self._files: dict[tuple[OrganizationId, str], bytes] = {}

    def put(self, organization_id: OrganizationId, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        self._files[organization_id, digest] = content
        return digest

    async def get(self, organization_id: OrganizationId, sha256: str) -> bytes | None:
        return self._files.get((organization_id, sha256))

    async def delete(self, organization_id: OrganizationId, sha256: str) -> None:
        self._files.pop((organization_id, sha256), None)

    def of(self, organization_id: OrganizationId) -> list[bytes]:
        return [content for (owner, _), content in self._files.items() if owner == organization_id]


class MemoryUsage:
    """What embeddings cost, by batch, kept in memory."""

    def __init__(self) -> None:
        self.tokens: dict[tuple[DocumentId, int, int], int] = {}

    async def record_embedding(
        self,
        organization_id: OrganizationId,  # noqa: ARG002 - one organisation is enough here
        *,
        document_id: DocumentId,
        version: int,
        start: int,
        model: str,  # noqa: ARG002 - the tests have one
        tokens: int,
    ) -> None:
        self.tokens.setdefault((document_id, version, start), tokens)


@dataclass
class Knowledge:
    """One organisation with one knowledge base."""

    database: Database
    contents: MemoryContents
    organization_id: OrganizationId
    knowledge_base_id: KnowledgeBaseId

    async def add(self, content: str | bytes, *, title: str = "Handbook") -> IngestDocument:
        """A document that was uploaded and not yet ingested."""
        content = content.encode() if isinstance(content, str) else content
        document_id = DocumentId(f"doc_{ULID()}")
        async with self.database.tenant(self.organization_id) as session:
            session.add(
                Document(
                    id=document_id,
                    organization_id=self.organization_id,
                    knowledge_base_id=self.knowledge_base_id,
                    title=title,
                    media_type="application/octet-stream",
                    size_bytes=len(content),
                    content_sha256=self.contents.put(self.organization_id, content),
                )
            )
        return IngestDocument(
            organization_id=self.organization_id,
            knowledge_base_id=self.knowledge_base_id,
            document_id=document_id,
        )

    async def replace(self, ref: IngestDocument, content: str | bytes) -> None:
        """Another content is uploaded for the same document."""
        content = content.encode() if isinstance(content, str) else content
        async with self.database.tenant(self.organization_id) as session:
            document = await session.get_one(Document, ref.document_id)
            document.content_sha256 = self.contents.put(self.organization_id, content)
            document.status = "pending"
            session.add(document)

    async def document(self, ref: IngestDocument) -> Document:
        async with self.database.tenant(self.organization_id) as session:
            return await session.get_one(Document, ref.document_id)

    async def passages(self, ref: IngestDocument) -> list[Passage]:
        """All that are stored, of whatever version, in order."""
        async with self.database.tenant(self.organization_id) as session:
            rows = await session.exec(
                select(Passage)
                .where(Passage.document_id == ref.document_id)
                .order_by(col(Passage.version), col(Passage.position))
            )
            return list(rows)

    async def kept(self, ref: IngestDocument) -> list[KeptEmbedding]:
        """The vectors that are kept with the document."""
        async with self.database.tenant(self.organization_id) as session:
            rows = await session.exec(
                select(KeptEmbedding).where(KeptEmbedding.document_id == ref.document_id)
            )
            return list(rows)

    async def delete(self, ref: IngestDocument) -> None:
        async with self.database.tenant(ref.organization_id) as session:
            await session.delete(await session.get_one(Document, ref.document_id))


async def new_knowledge(
    database: Database,
    *,
    contents: MemoryContents | None = None,
    model: str = MODEL,
    language: str = "simple",
    organization_id: OrganizationId | None = None,
) -> Knowledge:
    """A knowledge base in an organisation of its own, or in the one that is named."""
    owner = organization_id or OrganizationId(f"org_{ULID()}")
    knowledge_base_id = KnowledgeBaseId(f"kb_{ULID()}")
    async with database.platform() as session:
        if organization_id is None:
            session.add(Organization(id=owner, name="Acme"))
            await session.flush()
        session.add(
            KnowledgeBase(
                id=knowledge_base_id,
                organization_id=owner,
                name="Help",
                language=language,
                embedding_model=model,
            )
        )
    return Knowledge(database, contents or MemoryContents(), owner, knowledge_base_id)
