"""What assistants answer from: knowledge bases, documents, passages, vectors."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from pgvector.sqlalchemy import Vector
from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    Index,
    Integer,
    LargeBinary,
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

FIRST_VERSION: Final = 1
"""Of every document; it has none to replace."""
INDEXED_DIMENSIONS: Final[Mapping[int, str]] = {
    **dict.fromkeys((256, 384, 512, 768, 1024, 1536), "vector"),
    **dict.fromkeys((2048, 3072), "halfvec"),
}
"""Sizes of vectors that have an HNSW index, with the type that it is of: above 2,000 numbers
pgvector indexes half precision only. Vectors of any other size are compared one by one."""

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
    requested_dimension: int | None = None
    """Asked of the model, which can give vectors of several sizes; None: its own."""
    embedding_dimension: int | None = None
    """Known once the first passage was embedded; vectors of another size are refused then."""
    space_number: int = columns.counter(1)
    """Counts the spaces that this knowledge base has been in; see `Passage.space_number`."""
    spaces_made: int = columns.counter(1)
    """The highest number given away: one that was called off is not given again."""
    next_space_number: int | None = None
    """Set while the passages are being embedded for another model, or that has failed."""
    next_embedding_model: str | None = Field(default=None, sa_type=Text)
    next_requested_dimension: int | None = None
    next_embedding_dimension: int | None = None
    reindexing_progress: float = Field(
        default=0, sa_column_kwargs={"server_default": text("0"), "nullable": False}
    )
    """0 to 1."""
    reindexing_error: str | None = Field(default=None, sa_type=Text)
    """Why it stopped; None while it goes on."""
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
        Index("ix_documents_active_content", "organization_id", "active_sha256"),
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
    next_version: int = Field(default=FIRST_VERSION)
    chunk_count: int = Field(default=0)
    """Passages of `active_version`."""
    staged_count: int | None = None
    """Passages of the version that is being made."""
    embedded_count: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    """How many of these have their vectors, at least."""
    warnings: list[str] = Field(
        default_factory=list,
        sa_column=Column(ARRAY(Text), nullable=False, server_default="{}"),
    )
    """What the parser could not take from the content, in sentences."""
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
    space_number: int = columns.counter(0)
    """The space of its knowledge base that it was last embedded for; 0: for none yet."""
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
    """The vector of a passage's part in one space, in pgvector. The column holds vectors of any
    size; each common one has an index of its own (migration 0009)."""

    __tablename__ = "passage_embeddings"
    __table_args__ = tuple(
        Index(
            f"ix_passage_embeddings_hnsw_{dimension}",
            text(f"(embedding::{kind}({dimension})) {kind}_cosine_ops"),
            postgresql_using="hnsw",
            postgresql_where=text(f"dimension = {dimension}"),
        )
        for dimension, kind in INDEXED_DIMENSIONS.items()
    )

    passage_id: PassageId = Field(
        primary_key=True, foreign_key="passages.id", ondelete="CASCADE", sa_type=Text
    )
    part: int = Field(
        default=0,
        primary_key=True,
        sa_column_kwargs={"server_default": text("0"), "autoincrement": False},
    )
    """Which of the passage's parts, from 0."""
    organization_id: OrganizationId = columns.organization_id()
    knowledge_base_id: KnowledgeBaseId = Field(
        foreign_key="knowledge_bases.id", ondelete="CASCADE", sa_type=Text, index=True
    )
    model: str = Field(primary_key=True, sa_type=Text)
    dimension: int = Field(
        default=None,
        sa_column=Column(
            Integer, Computed("vector_dims(embedding)", persisted=True), primary_key=True
        ),
    )
    embedding: Any = Field(sa_column=Column(Vector(), nullable=False))


class KeptEmbedding(SQLModel, table=True):
    """A vector that was paid for, by the exact input of the model; it goes with its document."""

    __tablename__ = "kept_embeddings"
    __table_args__ = (columns.own("document_id", "documents", ondelete="CASCADE"),)

    document_id: DocumentId = Field(primary_key=True, sa_type=Text)
    model: str = Field(primary_key=True, sa_type=Text)
    dimension: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    input_sha256: bytes = Field(primary_key=True, sa_type=LargeBinary)
    organization_id: OrganizationId = columns.organization_id()
    vector: bytes = Field(sa_type=LargeBinary)
    """Little-endian 32-bit floats."""
    request_tokens: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    """Of the whole request that it came with, on the first of that request's vectors."""
    made_for: int
    """The version for which it was made, and paid."""
    used_by: int
    """The newest version that has asked for it: what the active one has not is removed."""
