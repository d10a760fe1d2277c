"""The people who write."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    Index,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from adapters.postgres.tables import columns
from contracts.ids import (
    OrganizationId,
    PersonId,
)


class WhatsAppUser(SQLModel, table=True):
    """A person who has written to the organisation. Any of the identifiers may be missing."""

    __tablename__ = "whatsapp_users"
    __table_args__ = (
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
    opted_out_at: datetime | None = columns.moment()
    revision: int = columns.revision()
    created_at: datetime = columns.created_at()
    updated_at: datetime = columns.updated_at()
