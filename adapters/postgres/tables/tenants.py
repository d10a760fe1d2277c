"""Organisations and what they are set up with: keys, assistants, numbers."""

from datetime import datetime
from typing import Any, Literal

from sqlalchemy import (
    CheckConstraint,
    Column,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel

from adapters.postgres.tables import columns
from contracts.ids import (
    ApiKeyId,
    AssistantId,
    ChannelId,
    OrganizationId,
)

Role = Literal["platform_admin", "admin", "operator", "viewer"]


class Organization(SQLModel, table=True):
    """A tenant. `settings` and `quotas` are validated by the API's models."""

    __tablename__ = "organizations"
    __table_args__ = (Index("ix_organizations_list", "created_at", "id"),)

    id: OrganizationId = Field(primary_key=True, sa_type=Text)
    name: str = Field(sa_type=Text)
    timezone: str = Field(default="UTC", sa_type=Text)
    settings: dict[str, Any] = Field(
        default_factory=dict, sa_column=Column(JSONB, nullable=False, server_default="{}")
    )
    quotas: dict[str, Any] = Field(
        default_factory=dict, sa_column=Column(JSONB, nullable=False, server_default="{}")
    )
    openai_api_key_encrypted: bytes | None = Field(default=None, sa_type=LargeBinary)
    openai_base_url: str | None = Field(default=None, sa_type=Text)
    deleting_at: datetime | None = columns.moment()
    """Set when its deletion was asked for: from then on nobody finds it, and it is being erased."""
    revision: int = columns.revision()
    created_at: datetime = columns.created_at()
    updated_at: datetime = columns.updated_at()


class ApiKey(SQLModel, table=True):
    """A key of the REST API; only its hash is kept. A platform key has no organisation."""

    __tablename__ = "api_keys"
    __table_args__ = (
        CheckConstraint("role IN ('platform_admin', 'admin', 'operator', 'viewer')", name="role"),
        CheckConstraint(
            "(role = 'platform_admin') = (organization_id IS NULL)", name="platform_keys_only"
        ),
        Index("ix_api_keys_list", "organization_id", "created_at", "id"),
    )

    id: ApiKeyId = Field(primary_key=True, sa_type=Text)
    organization_id: OrganizationId | None = Field(
        default=None, foreign_key="organizations.id", ondelete="CASCADE", sa_type=Text, index=True
    )
    name: str = Field(sa_type=Text)
    role: str = Field(sa_type=Text)
    prefix: str = Field(sa_type=Text)
    """First characters of the secret, to recognise a key by."""
    secret_hash: str = Field(sa_type=Text, unique=True)
    """SHA-256 in hex. The secret is 256 random bits, which needs no slow hash."""
    expires_at: datetime | None = columns.moment()
    last_used_at: datetime | None = columns.moment()
    revoked_at: datetime | None = columns.moment()
    requests_per_minute: int | None = None
    """None: the platform's limit."""
    revision: int = columns.revision()
    created_at: datetime = columns.created_at()


class Assistant(SQLModel, table=True):
    """How an organisation's bot speaks and what it knows. Empty `model` means the platform's."""

    __tablename__ = "assistants"
    __table_args__ = (UniqueConstraint("organization_id", "id"),)

    id: AssistantId = Field(primary_key=True, sa_type=Text)
    organization_id: OrganizationId = columns.organization_id(index=False)
    name: str = Field(sa_type=Text)
    instructions: str = Field(default="", sa_type=Text)
    model: str | None = Field(default=None, sa_type=Text)
    temperature: float | None = None
    model_parameters: dict[str, Any] = Field(
        default_factory=dict, sa_column=Column(JSONB, nullable=False, server_default="{}")
    )
    knowledge_base_ids: list[str] = Field(
        default_factory=list, sa_column=Column(ARRAY(Text), nullable=False, server_default="{}")
    )
    welcome_message: str | None = Field(default=None, sa_type=Text)
    fallback_message: str | None = Field(default=None, sa_type=Text)
    unsupported_message: str | None = Field(default=None, sa_type=Text)
    slow_down_message: str | None = Field(default=None, sa_type=Text)
    """What a person hears who writes more than their quota."""
    quota_message: str | None = Field(default=None, sa_type=Text)
    """What people hear when the organisation's quota is used up."""
    stopped_message: str | None = Field(default=None, sa_type=Text)
    """What a person hears who wants no more proactive messages."""
    resumed_message: str | None = Field(default=None, sa_type=Text)
    """What a person hears who wants them again."""
    reopening_template: dict[str, Any] | None = Field(
        default=None, sa_column=Column(JSONB(none_as_null=True), nullable=True)
    )
    """Of `TemplateContent`: sent when the service window has closed before a reply."""
    business_hours: dict[str, Any] | None = Field(
        default=None, sa_column=Column(JSONB(none_as_null=True), nullable=True)
    )
    """Of `BusinessHours`; None: always open."""
    handoff: dict[str, Any] = Field(
        default_factory=dict, sa_column=Column(JSONB, nullable=False, server_default="{}")
    )
    tools: list[Any] = Field(
        default_factory=list, sa_column=Column(JSONB, nullable=False, server_default="[]")
    )
    debounce_seconds: float = Field(default=0.8)
    language: str | None = Field(default=None, sa_type=Text)
    revision: int = columns.revision()
    created_at: datetime = columns.created_at()
    updated_at: datetime = columns.updated_at()


class Channel(SQLModel, table=True):
    """A WhatsApp number of an organisation. `phone_number_id` routes deliveries to it."""

    __tablename__ = "channels"
    __table_args__ = (
        columns.own("assistant_id", "assistants", ondelete="SET NULL (assistant_id)"),
    )

    id: ChannelId = Field(primary_key=True, sa_type=Text)
    organization_id: OrganizationId = columns.organization_id()
    phone_number_id: str = Field(sa_type=Text, unique=True)
    waba_id: str = Field(sa_type=Text)
    display_phone_number: str = Field(sa_type=Text)
    assistant_id: AssistantId | None = Field(default=None, sa_type=Text, index=True)
    access_token_encrypted: bytes = Field(sa_type=LargeBinary)
    app_secret_encrypted: bytes | None = Field(default=None, sa_type=LargeBinary)
    verify_token_encrypted: bytes | None = Field(default=None, sa_type=LargeBinary)
    verification: dict[str, Any] = Field(
        default_factory=dict, sa_column=Column(JSONB, nullable=False, server_default="{}")
    )
    """What the Graph API said of the token and the number when it was last asked; empty: never."""
    messages_per_second: int = Field(
        default=80, sa_column_kwargs={"server_default": text("80"), "nullable": False}
    )
    paused_at: datetime | None = columns.moment()
    """Set while nothing is sent: `channel_pauses`."""
    paused_code: int | None = None
    paused_reason: str | None = Field(default=None, sa_type=Text)
    probe_at: datetime | None = columns.moment()
    revision: int = columns.revision()
    created_at: datetime = columns.created_at()
    updated_at: datetime = columns.updated_at()
