"""Documents as their owner handles them. What ingestion writes is in a module of its own."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Text, any_, literal
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from adapters.postgres.rows import Page, find, narrowed, new_id, newest_first, save
from adapters.postgres.tables import Document, Source
from contracts.ids import DocumentId, KnowledgeBaseId
from contracts.ingestion import DocumentStatus


def new_document_id(seed: str | None = None) -> DocumentId:
    return DocumentId(new_id("doc", seed))


async def create(session: AsyncSession, document: Document) -> Document:
    return await save(session, document)


async def get(
    session: AsyncSession, document_id: str, *, knowledge_base_id: str, lock: bool = False
) -> Document | None:
    query = select(Document).where(
        Document.id == document_id, Document.knowledge_base_id == knowledge_base_id
    )
    return await find(session, query, lock=lock)


async def page(
    session: AsyncSession,
    *,
    knowledge_base_id: KnowledgeBaseId,
    status: DocumentStatus | None = None,
    title: str | None = None,
    source_id: str | None = None,
    limit: int,
    cursor: str | None,
) -> Page[Document]:
    query = narrowed(
        select(Document).where(Document.knowledge_base_id == knowledge_base_id),
        (Document.status, status),
        (Document.title, title),
        (Document.source_id, source_id),
    )
    return await newest_first(
        session,
        query,
        table=Document,
        limit=limit,
        cursor=cursor,
    )


async def update(session: AsyncSession, document: Document, *, changes: dict[str, Any]) -> Document:
    return await save(session, document.sqlmodel_update(changes))


async def delete(session: AsyncSession, document: Document) -> None:
    """Remove it with its passages."""
    await session.delete(document)
    await session.flush()


async def contents_in(session: AsyncSession, *, knowledge_base_id: KnowledgeBaseId) -> set[str]:
    """Hashes of all contents that the knowledge base's documents and sources have."""
    of_documents = select(Document.content_sha256, Document.active_sha256).where(
        Document.knowledge_base_id == knowledge_base_id
    )
    of_sources = select(Source.content_sha256).where(Source.knowledge_base_id == knowledge_base_id)
    found = {sha256 for row in await session.exec(of_documents) for sha256 in row}
    found |= set(await session.exec(of_sources))
    return {sha256 for sha256 in found if sha256 is not None}


async def unfinished_in(
    session: AsyncSession, *, knowledge_base_id: KnowledgeBaseId
) -> list[DocumentId]:
    """Documents of the knowledge base whose ingestion may be running."""
    query = select(Document.id).where(
        Document.knowledge_base_id == knowledge_base_id,
        col(Document.status).in_(["pending", "processing"]),
    )
    return [DocumentId(found) for found in await session.exec(query)]


async def unused_contents(session: AsyncSession, hashes: Sequence[str]) -> set[str]:
    """Those of the hashes that no document of the organisation has or is searched with, nor one
    of its sources."""
    # One parameter: of single ones PostgreSQL takes no more than 65,535.
    wanted = any_(literal(list(hashes), ARRAY(Text)))
    unused = set(hashes)
    for column in (
        col(Document.content_sha256), col(Document.active_sha256), col(Source.content_sha256)
    ):  # fmt: skip
        unused -= set((await session.exec(select(column).where(column == wanted).distinct())).all())
    return unused
