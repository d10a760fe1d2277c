"""What is kept of what happened: usage, the audit log, erasures."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from adapters.postgres.tables import columns
from contracts.ids import (
    ApiKeyId,
    AuditEntryId,
    ChannelId,
    ErasureId,
    OrganizationId,
)


class UsageMetric(SQLModel, table=True):
    """What was used in one quarter of an hour, by channel and model. Sums are made when asked.

    Quarters, because time zones differ from UTC by multiples of them: every hour, day and month of
    every organisation is a sum of whole quarters, also after it has moved to another zone.
    """

    __tablename__ = "usage_metrics"
    __table_args__ = (
        UniqueConstraint(
            "organization_id",
            "quarter",
            "channel_id",
            "model",
            "metric",
            postgresql_nulls_not_distinct=True,
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigInteger)
    organization_id: OrganizationId = columns.organization_id(index=False)
    quarter: datetime = Field(sa_type=DateTime(timezone=True))
    """When it began."""
    channel_id: ChannelId | None = Field(default=None, sa_type=Text)
    model: str | None = Field(default=None, sa_type=Text)
    metric: str = Field(sa_type=Text)
    value: int = Field(
        sa_type=BigInteger, default=0, sa_column_kwargs={"server_default": text("0")}
    )


class UsageRollup(SQLModel, table=True):
    """Up to when an organisation's usage has been rolled up into `usage_metrics`, for good."""

    __tablename__ = "usage_rollups"

    organization_id: OrganizationId = Field(
        primary_key=True, foreign_key="organizations.id", ondelete="CASCADE", sa_type=Text
    )
    rolled_until: datetime = Field(sa_type=DateTime(timezone=True))


class AuditEntry(SQLModel, table=True):
    """Who did what, when. Written in the transaction of the change itself; nobody may alter it."""

    __tablename__ = "audit_log"
    __table_args__ = (
        Index("ix_audit_log_list", "organization_id", "created_at", "id"),
        Index("ix_audit_log_resource_id", "organization_id", "resource_id", "created_at", "id"),
        Index("ix_audit_log_api_key_id", "organization_id", "api_key_id", "created_at", "id"),
    )

    id: AuditEntryId = Field(primary_key=True, sa_type=Text)
    organization_id: OrganizationId | None = Field(
        default=None, foreign_key="organizations.id", ondelete="CASCADE", sa_type=Text
    )
    """None: the platform's own business, such as the making and the end of an organisation."""
    api_key_id: ApiKeyId = Field(sa_type=Text)
    api_key_name: str = Field(sa_type=Text)
    """At that time: keys are renamed."""
    role: str = Field(sa_type=Text)
    action: str = Field(sa_type=Text)
    """Resource and verb, e.g. `assistant.update`."""
    resource_type: str = Field(sa_type=Text)
    resource_id: str = Field(sa_type=Text)
    before: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    """The fields that changed, as they were; without secrets, whose names alone are told."""
    after: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    request_id: str | None = Field(default=None, sa_type=Text)
    created_at: datetime = columns.created_at()


class Erasure(SQLModel, table=True):
    """The removal of an organisation or a person from every store, and how far it is.

    It outlives what it erases, so it refers to nothing.
    """

    __tablename__ = "erasures"
    __table_args__ = (
        CheckConstraint("kind IN ('organization', 'whatsapp_user')", name="kind"),
        CheckConstraint("status IN ('running', 'finished')", name="status"),
        Index("ix_erasures_list", "organization_id", "created_at", "id"),
        Index("ix_erasures_all", "created_at", "id"),
    )

    id: ErasureId = Field(primary_key=True, sa_type=Text)
    organization_id: OrganizationId = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    subject_id: str = Field(sa_type=Text)
    """Id of the organisation or the person."""
    status: str = Field(default="running", sa_type=Text)
    removed: dict[str, int] = Field(
        default_factory=dict, sa_column=Column(JSONB, nullable=False, server_default="{}")
    )
    """How many things of each kind are gone, by kind."""
    requested_by: ApiKeyId = Field(sa_type=Text)
    created_at: datetime = columns.created_at()
    finished_at: datetime | None = columns.moment()
