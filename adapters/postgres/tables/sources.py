"""Where knowledge comes from by itself, and what became of each look there."""

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, CheckConstraint, Column, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from adapters.postgres.tables import columns
from contracts.ids import (
    DocumentId,
    KnowledgeBaseId,
    OrganizationId,
    SourceId,
    SourceRunId,
)


class Source(SQLModel, table=True):
    """What a knowledge base is kept current from. Its schedule in Temporal follows this row."""

    __tablename__ = "sources"
    __table_args__ = (
        CheckConstraint(
            "type IN ('text', 'faq', 'url', 'sitemap', 'crawl', 's3')", name="source_type"
        ),
        UniqueConstraint("organization_id", "id"),
        columns.own("knowledge_base_id", "knowledge_bases", ondelete="CASCADE"),
        Index("ix_sources_list", "knowledge_base_id", "created_at", "id"),
        Index("ix_sources_content", "organization_id", "content_sha256"),
    )

    id: SourceId = Field(primary_key=True, sa_type=Text)
    organization_id: OrganizationId = columns.organization_id(index=False)
    knowledge_base_id: KnowledgeBaseId = Field(sa_type=Text)
    type: str = Field(default="text", sa_type=Text, sa_column_kwargs={"server_default": "text"})
    name: str = Field(sa_type=Text)
    settings: dict[str, Any] = Field(
        default_factory=dict,
        sa_column=Column(JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    )
    """What the type needs to know, such as an address."""
    content_sha256: str | None = Field(default=None, sa_type=Text)
    """Of a text or of questions that were handed in: the key of the object in S3."""
    schedule: dict[str, Any] | None = Field(
        default=None, sa_column=Column(JSONB(none_as_null=True), nullable=True)
    )
    """None: it is synced when somebody asks."""
    paused: bool = Field(
        default=False, sa_type=Boolean, sa_column_kwargs={"server_default": text("false")}
    )
    last_run_at: datetime | None = columns.moment()
    next_run_at: datetime | None = columns.moment()
    """As the schedule said when it was last asked."""
    revision: int = columns.revision()
    created_at: datetime = columns.created_at()
    updated_at: datetime = columns.updated_at()


class SourceRun(SQLModel, table=True):
    """One sync of a source."""

    __tablename__ = "source_runs"
    __table_args__ = (
        CheckConstraint(
            "status IN ('pending', 'running', 'succeeded', 'partly', 'failed')",
            name="source_run_status",
        ),
        CheckConstraint("trigger IN ('schedule', 'manual')", name="source_run_trigger"),
        UniqueConstraint("organization_id", "id"),
        columns.own("source_id", "sources", ondelete="CASCADE"),
        Index("ix_source_runs_list", "source_id", "created_at", "id"),
    )

    id: SourceRunId = Field(primary_key=True, sa_type=Text)
    organization_id: OrganizationId = columns.organization_id()
    source_id: SourceId = Field(sa_type=Text)
    workflow_id: str | None = Field(default=None, sa_type=Text)
    trigger: str = Field(
        default="schedule", sa_type=Text, sa_column_kwargs={"server_default": "schedule"}
    )
    status: str = Field(
        default="pending", sa_type=Text, sa_column_kwargs={"server_default": "pending"}
    )
    error: str | None = Field(default=None, sa_type=Text)
    complete: bool = Field(
        default=False, sa_type=Boolean, sa_column_kwargs={"server_default": text("false")}
    )
    """All that the source has is among the items: what is not there is gone."""
    decided: bool = Field(
        default=False, sa_type=Boolean, sa_column_kwargs={"server_default": text("false")}
    )
    """Which documents are to go is noted on the items."""
    added: int = Field(default=0)
    changed: int = Field(default=0)
    unchanged: int = Field(default=0)
    removed: int = Field(default=0)
    failed: int = Field(default=0)
    started_at: datetime | None = columns.moment()
    ended_at: datetime | None = columns.moment()
    created_at: datetime = columns.created_at()


class SourceRunItem(SQLModel, table=True):
    """Something that a run has found at its source, and what became of it.

    While the run lasts, it is the list of what is still to do. Afterwards only what was changed or
    has failed is kept.
    """

    __tablename__ = "source_run_items"
    __table_args__ = (
        CheckConstraint(
            "outcome IN ('pending', 'added', 'changed', 'unchanged', 'removed', 'gone', 'skipped', "
            "'failed')",
            name="source_run_item_outcome",
        ),
        UniqueConstraint("run_id", "key"),
        columns.own("run_id", "source_runs", ondelete="CASCADE"),
        Index("ix_source_run_items_list", "run_id", "position"),
    )

    id: str = Field(primary_key=True, sa_type=Text)
    organization_id: OrganizationId = columns.organization_id()
    run_id: SourceRunId = Field(sa_type=Text)
    position: int
    key: str = Field(sa_type=Text)
    """The document's key within its source."""
    title: str | None = Field(default=None, sa_type=Text)
    url: str | None = Field(default=None, sa_type=Text)
    depth: int = Field(default=0)
    """Links that a crawl has followed to come here."""
    etag: str | None = Field(default=None, sa_type=Text)
    """As the list of the source has it."""
    outcome: str = Field(
        default="pending", sa_type=Text, sa_column_kwargs={"server_default": "pending"}
    )
    reason: str | None = Field(default=None, sa_type=Text)
    document_id: DocumentId | None = Field(default=None, sa_type=Text)
    replaced_sha256: str | None = Field(default=None, sa_type=Text)
    """Of the content that the document had before: its file may be of use to nobody now."""
