"""Where an organisation's own systems are told what happens."""

from datetime import datetime

from sqlalchemy import Boolean, Column, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from adapters.postgres.tables import columns
from contracts.ids import OrganizationId, WebhookEndpointId


class WebhookEndpoint(SQLModel, table=True):
    """An address of an organisation's that events are posted to."""

    __tablename__ = "webhook_endpoints"
    __table_args__ = (Index("ix_webhook_endpoints_list", "organization_id", "created_at", "id"),)

    id: WebhookEndpointId = Field(primary_key=True, sa_type=Text)
    organization_id: OrganizationId = columns.organization_id(index=False)
    url: str = Field(sa_type=Text)
    description: str = Field(default="", sa_type=Text)
    event_types: list[str] = Field(
        default_factory=list, sa_column=Column(ARRAY(Text), nullable=False, server_default="{}")
    )
    """Empty: all."""
    secret_encrypted: bytes = Field(sa_type=LargeBinary)
    previous_secret_encrypted: bytes | None = Field(default=None, sa_type=LargeBinary)
    """Signs beside the current one until `previous_secret_until`."""
    previous_secret_until: datetime | None = columns.moment()
    enabled: bool = Field(
        default=True, sa_column=Column(Boolean, nullable=False, server_default=text("true"))
    )
    disabled_at: datetime | None = columns.moment()
    disabled_reason: str | None = Field(default=None, sa_type=Text)
    failing_since: datetime | None = columns.moment()
    """When the first of the tries failed of which none has succeeded since."""
    revision: int = columns.revision()
    created_at: datetime = columns.created_at()
    updated_at: datetime = columns.updated_at()
