"""The people who write."""

from datetime import datetime
from typing import Any, Literal

from sqlalchemy import (
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
    ConsentId,
    ConversationId,
    FactId,
    MessageId,
    OrganizationId,
    PersonId,
)

ConsentState = Literal["opted_in", "opted_out"]
ConsentSource = Literal["message", "user_preferences", "error_131050", "api", "import"]
"""How it became known: the person's own words, their settings in WhatsApp, Meta's refusal of a
message, an operator, or what the organisation had collected elsewhere."""


class WhatsAppUser(SQLModel, table=True):
    """A person who has written to the organisation. Any of the identifiers may be missing."""

    __tablename__ = "whatsapp_users"
    __table_args__ = (
        UniqueConstraint("organization_id", "id"),
        Index("ix_whatsapp_users_wa_id", "organization_id", "wa_id"),
        Index("ix_whatsapp_users_user_id", "organization_id", "user_id"),
        Index("ix_whatsapp_users_list", "organization_id", "created_at", "id"),
        Index(
            "ix_whatsapp_users_opted_out",
            "organization_id",
            "created_at",
            "id",
            postgresql_where=text("opted_out_at IS NOT NULL"),
        ),
        Index("ix_whatsapp_users_username", "username", postgresql_using="hash"),
    )

    id: PersonId = Field(primary_key=True, sa_type=Text)
    organization_id: OrganizationId = columns.organization_id(index=False)
    wa_id: str | None = Field(default=None, sa_type=Text)
    user_id: str | None = Field(default=None, sa_type=Text)
    parent_user_id: str | None = Field(default=None, sa_type=Text)
    username: str | None = Field(default=None, sa_type=Text)
    profile_name: str | None = Field(default=None, sa_type=Text)
    """As the person calls themselves on WhatsApp."""
    name: str | None = Field(default=None, sa_type=Text)
    """As the organisation calls them; None: by their profile's name."""
    attributes: dict[str, Any] = Field(
        default_factory=dict, sa_column=Column(JSONB, nullable=False, server_default="{}")
    )
    opted_in_at: datetime | None = columns.moment()
    """Since when they want proactive messages; follows from `consents`, as does the other."""
    opted_out_at: datetime | None = columns.moment()
    revision: int = columns.revision()
    created_at: datetime = columns.created_at()
    updated_at: datetime = columns.updated_at()


class Consent(SQLModel, table=True):
    """That a person wants proactive messages, or wants none. Nobody may alter a record."""

    __tablename__ = "consents"
    __table_args__ = (
        columns.own("whatsapp_user_id", "whatsapp_users", ondelete="CASCADE"),
        UniqueConstraint(
            "organization_id", "whatsapp_user_id", "category", "occurred_at", "state", "source"
        ),
        Index("ix_consents_list", "organization_id", "whatsapp_user_id", "created_at", "id"),
        CheckConstraint("category IN ('marketing')", name="category"),
        CheckConstraint("state IN ('opted_in', 'opted_out')", name="state"),
        CheckConstraint(
            "source IN ('message', 'user_preferences', 'error_131050', 'api', 'import')",
            name="source",
        ),
    )

    id: ConsentId = Field(primary_key=True, sa_type=Text)
    organization_id: OrganizationId = columns.organization_id(index=False)
    whatsapp_user_id: PersonId = Field(sa_type=Text)
    category: str = Field(
        default="marketing", sa_type=Text, sa_column_kwargs={"server_default": "marketing"}
    )
    state: str = Field(sa_type=Text)
    source: str = Field(sa_type=Text)
    detail: str | None = Field(default=None, sa_type=Text)
    """What the organisation notes of it: a form, a shop, a campaign."""
    occurred_at: datetime = Field(sa_type=DateTime(timezone=True))
    """When the person said so; the newest counts, whenever it became known."""
    created_at: datetime = columns.created_at()


class PersonFact(SQLModel, table=True):
    """A short statement about a person, or the trace of one that must not come back."""

    __tablename__ = "person_facts"
    __table_args__ = (
        CheckConstraint("source IN ('model', 'operator')", name="source"),
        UniqueConstraint("organization_id", "person_id", "digest"),
        columns.own("person_id", "whatsapp_users", ondelete="CASCADE"),
        Index("ix_person_facts_list", "organization_id", "person_id", "created_at", "id"),
    )

    id: FactId = Field(primary_key=True, sa_type=Text)
    organization_id: OrganizationId = columns.organization_id(index=False)
    person_id: PersonId = Field(sa_type=Text)
    statement: str | None = Field(default=None, sa_type=Text)
    """None: an operator has removed it."""
    digest: str = Field(sa_type=Text)
    """Of the person and the statement's words (`domain/memory.py`)."""
    source: str = Field(sa_type=Text)
    """`model` or `operator`: who wrote it last."""
    conversation_id: ConversationId | None = Field(default=None, sa_type=Text)
    source_message_id: MessageId | None = Field(default=None, sa_type=Text)
    """The message of that conversation in which the person said it."""
    revision: int = columns.revision()
    created_at: datetime = columns.created_at()
    updated_at: datetime = columns.updated_at()
