"""What assistants answer from: knowledge bases, documents, passages, vectors."""

from datetime import datetime
from typing import Any

from pgvector.sqlalchemy import Vector
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    Index,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import REGCONFIG, TSVECTOR
from sqlmodel import Field, SQLModel

from adapters.postgres.tables import columns
from contracts.ids import (
    DocumentId,
    KnowledgeBaseId,
    OrganizationId,
    PassageId,
    SourceId,
)

_SIMPLE = text("'simple'::regconfig")


class KnowledgeBase(SQLModel, table=True):
    """A collection of documents. Embedding model and dimension are part of its identity."""

    __tablename__ = "knowledge_bases"
    __table_args__ = (UniqueConstraint("organization_id", "id"),)

    id: KnowledgeBaseId = Field(primary_key=True, sa_type=Text)
    organization_id: OrganizationId = columns.organization_id(index=False)
    name: str = Field(sa_type=Text)
    description: str = Field(default="", sa_type=Text)
    language: str = Field(default="simple", sa_type=Text)
    """PostgreSQL text-search configuration of the lexical leg, e.g. `english`."""
    embedding_model: str = Field(sa_type=Text)
    embedding_dimension: int | None = None
    """Known once the first passage was embedded; vectors of another size are refused then."""
    revision: int = columns.revision()
    created_at: datetime = columns.created_at()
    updated_at: datetime = columns.updated_at()


class Document(SQLModel, table=True):
    """A document and the state of its ingestion. Only `active_version` is searched."""

    __tablename__ = "documents"
    __table_args__ = (
        CheckConstraint("status IN ('pending', 'processing', 'ready', 'failed')", name="status"),
        UniqueConstraint("organization_id", "id"),
        UniqueConstraint("source_id", "source_key"),
        columns.own("knowledge_base_id", "knowledge_bases", ondelete="CASCADE"),
        columns.own("source_id", "sources", ondelete="CASCADE"),
        Index("ix_documents_list", "knowledge_base_id", "created_at", "id"),
        Index("ix_documents_content", "organization_id", "content_sha256"),
    )

    id: DocumentId = Field(primary_key=True, sa_type=Text)
    organization_id: OrganizationId = columns.organization_id(index=False)
    knowledge_base_id: KnowledgeBaseId = Field(sa_type=Text)
    title: str = Field(sa_type=Text)
    filename: str | None = Field(default=None, sa_type=Text)
    media_type: str = Field(sa_type=Text)
    size_bytes: int = Field(sa_type=BigInteger)
    content_sha256: str = Field(sa_type=Text)
    """Hex digest of the uploaded bytes; with the organisation, the key of the object in S3."""
    active_sha256: str | None = Field(default=None, sa_type=Text)
    """Digest of the content that `active_version` was made of."""
    status: str = Field(default="pending", sa_type=Text)
    error: str | None = Field(default=None, sa_type=Text)
    stage: str | None = Field(default=None, sa_type=Text)
    progress: float = Field(default=0)
    """0 to 1."""
    active_version: int | None = None
    next_version: int = Field(default=1)
    chunk_count: int = Field(default=0)
    source_id: SourceId | None = Field(default=None, sa_type=Text)
    """Which source keeps it current; None: somebody has uploaded it."""
    source_key: str | None = Field(default=None, sa_type=Text)
    """What it is called there."""
    url: str | None = Field(default=None, sa_type=Text)
    """Where a person can open it."""
    source_etag: str | None = Field(default=None, sa_type=Text)
    source_last_modified: str | None = Field(default=None, sa_type=Text)
    """Validators of what was fetched last, as its server gave them."""
    source_digest: str | None = Field(default=None, sa_type=Text)
    """Of what was fetched last, as far as it matters: of a web page, its text."""
    source_missing_since: datetime | None = columns.moment()
    """When its source no longer had it, and that was too much to be believed at once."""
    revision: int = columns.revision()
    created_at: datetime = columns.created_at()
    updated_at: datetime = columns.updated_at()


class Passage(SQLModel, table=True):
    """A piece of a document's version, with where it stands in the text."""

    __tablename__ = "passages"
    __table_args__ = (
        UniqueConstraint("document_id", "version", "position"),
        columns.own("document_id", "documents", ondelete="CASCADE"),
        Index("ix_passages_search_vector", "search_vector", postgresql_using="gin"),
    )

    id: PassageId = Field(primary_key=True, sa_type=Text)
    organization_id: OrganizationId = columns.organization_id()
    knowledge_base_id: KnowledgeBaseId = Field(
        foreign_key="knowledge_bases.id", ondelete="CASCADE", sa_type=Text, index=True
    )
    document_id: DocumentId = Field(sa_type=Text)
    version: int
    position: int
    heading: str | None = Field(default=None, sa_type=Text)
    text: str = Field(sa_type=Text)
    page: int | None = None
    start_offset: int
    end_offset: int
    language: str = Field(
        default="simple",
        sa_column=Column(REGCONFIG, nullable=False, server_default=_SIMPLE),
    )
    search_vector: Any = Field(
        default=None,
        sa_column=Column(
            TSVECTOR,
            Computed(
                "to_tsvector(language, coalesce(heading, '') || ' ' || text)",
                persisted=True,
            ),
        ),
    )


class PassageEmbedding(SQLModel, table=True):
    """The vector of a passage in pgvector. The dimension is the model's, so the column has none."""

    __tablename__ = "passage_embeddings"

    passage_id: PassageId = Field(
        primary_key=True, foreign_key="passages.id", ondelete="CASCADE", sa_type=Text
    )
    organization_id: OrganizationId = columns.organization_id()
    knowledge_base_id: KnowledgeBaseId = Field(
        foreign_key="knowledge_bases.id", ondelete="CASCADE", sa_type=Text, index=True
    )
    model: str = Field(sa_type=Text)
    embedding: Any = Field(sa_column=Column(Vector(), nullable=False))
