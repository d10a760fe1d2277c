"""The tables. One row-level-security rule guards every table that has an `organization_id`.

Ids are text (prefix and ULID), times are UTC. Columns that end in `_encrypted` hold what the key
ring sealed. `migrations/` makes these tables; a test fails when the two drift apart.
"""

from datetime import datetime
from typing import Any, Literal

from pgvector.sqlalchemy import Vector
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, REGCONFIG, TSVECTOR
from sqlmodel import Field, SQLModel

from contracts.ids import (
    ApiKeyId,
    AssistantId,
    AuditEntryId,
    ChannelId,
    DocumentId,
    ErasureId,
    KnowledgeBaseId,
    OrganizationId,
    PassageId,
    PersonId,
)

_SIMPLE = text("'simple'::regconfig")

Role = Literal["platform_admin", "admin", "operator", "viewer"]


def _created_at() -> Any:
    return Field(
        default=None,
        sa_type=DateTime(timezone=True),
        sa_column_kwargs={"server_default": func.now(), "nullable": False},
    )


def _updated_at() -> Any:
    return Field(
        default=None,
        sa_type=DateTime(timezone=True),
        sa_column_kwargs={"server_default": func.now(), "onupdate": func.now(), "nullable": False},
    )


def _moment() -> Any:
    return Field(default=None, sa_type=DateTime(timezone=True))


def _revision() -> Any:
    """Counted by a trigger (`count_revisions`) whenever what an administrator sees has changed."""
    return Field(
        default=1,
        sa_type=Integer,
        sa_column_kwargs={"server_default": text("1"), "nullable": False},
    )


def _organization_id(*, index: bool = True) -> Any:
    return Field(foreign_key="organizations.id", ondelete="CASCADE", sa_type=Text, index=index)


def _own(column: str, table: str, *, ondelete: str) -> ForeignKeyConstraint:
    """A reference that cannot leave the organisation: foreign keys look past row-level security."""
    return ForeignKeyConstraint(
        ["organization_id", column], [f"{table}.organization_id", f"{table}.id"], ondelete=ondelete
    )


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
    deleting_at: datetime | None = _moment()
    """Set when its deletion was asked for: from then on nobody finds it, and it is being erased."""
    revision: int = _revision()
    created_at: datetime = _created_at()
    updated_at: datetime = _updated_at()


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
    expires_at: datetime | None = _moment()
    last_used_at: datetime | None = _moment()
    revoked_at: datetime | None = _moment()
    requests_per_minute: int | None = None
    """None: the platform's limit."""
    revision: int = _revision()
    created_at: datetime = _created_at()


class Assistant(SQLModel, table=True):
    """How an organisation's bot speaks and what it knows. Empty `model` means the platform's."""

    __tablename__ = "assistants"
    __table_args__ = (UniqueConstraint("organization_id", "id"),)

    id: AssistantId = Field(primary_key=True, sa_type=Text)
    organization_id: OrganizationId = _organization_id(index=False)
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
    handoff: dict[str, Any] = Field(
        default_factory=dict, sa_column=Column(JSONB, nullable=False, server_default="{}")
    )
    tools: list[Any] = Field(
        default_factory=list, sa_column=Column(JSONB, nullable=False, server_default="[]")
    )
    debounce_seconds: float = Field(default=0.8)
    language: str | None = Field(default=None, sa_type=Text)
    revision: int = _revision()
    created_at: datetime = _created_at()
    updated_at: datetime = _updated_at()


class Channel(SQLModel, table=True):
    """A WhatsApp number of an organisation. `phone_number_id` routes deliveries to it."""

    __tablename__ = "channels"
    __table_args__ = (_own("assistant_id", "assistants", ondelete="SET NULL (assistant_id)"),)

    id: ChannelId = Field(primary_key=True, sa_type=Text)
    organization_id: OrganizationId = _organization_id()
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
    revision: int = _revision()
    created_at: datetime = _created_at()
    updated_at: datetime = _updated_at()


class KnowledgeBase(SQLModel, table=True):
    """A collection of documents. Embedding model and dimension are part of its identity."""

    __tablename__ = "knowledge_bases"
    __table_args__ = (UniqueConstraint("organization_id", "id"),)

    id: KnowledgeBaseId = Field(primary_key=True, sa_type=Text)
    organization_id: OrganizationId = _organization_id(index=False)
    name: str = Field(sa_type=Text)
    description: str = Field(default="", sa_type=Text)
    language: str = Field(default="simple", sa_type=Text)
    """PostgreSQL text-search configuration of the lexical leg, e.g. `english`."""
    embedding_model: str = Field(sa_type=Text)
    embedding_dimension: int | None = None
    """Known once the first passage was embedded; vectors of another size are refused then."""
    revision: int = _revision()
    created_at: datetime = _created_at()
    updated_at: datetime = _updated_at()


class Document(SQLModel, table=True):
    """A document and the state of its ingestion. Only `active_version` is searched."""

    __tablename__ = "documents"
    __table_args__ = (
        CheckConstraint("status IN ('pending', 'processing', 'ready', 'failed')", name="status"),
        UniqueConstraint("organization_id", "id"),
        _own("knowledge_base_id", "knowledge_bases", ondelete="CASCADE"),
        Index("ix_documents_list", "knowledge_base_id", "created_at", "id"),
        Index("ix_documents_content", "organization_id", "content_sha256"),
    )

    id: DocumentId = Field(primary_key=True, sa_type=Text)
    organization_id: OrganizationId = _organization_id(index=False)
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
    revision: int = _revision()
    created_at: datetime = _created_at()
    updated_at: datetime = _updated_at()


class Passage(SQLModel, table=True):
    """A piece of a document's version, with where it stands in the text."""

    __tablename__ = "passages"
    __table_args__ = (
        UniqueConstraint("document_id", "version", "position"),
        _own("document_id", "documents", ondelete="CASCADE"),
        Index("ix_passages_search_vector", "search_vector", postgresql_using="gin"),
    )

    id: PassageId = Field(primary_key=True, sa_type=Text)
    organization_id: OrganizationId = _organization_id()
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
    organization_id: OrganizationId = _organization_id()
    knowledge_base_id: KnowledgeBaseId = Field(
        foreign_key="knowledge_bases.id", ondelete="CASCADE", sa_type=Text, index=True
    )
    model: str = Field(sa_type=Text)
    embedding: Any = Field(sa_column=Column(Vector(), nullable=False))


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
    organization_id: OrganizationId = _organization_id(index=False)
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
    opted_out_at: datetime | None = _moment()
    revision: int = _revision()
    created_at: datetime = _created_at()
    updated_at: datetime = _updated_at()


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
    organization_id: OrganizationId = _organization_id(index=False)
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
    created_at: datetime = _created_at()


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
    created_at: datetime = _created_at()
    finished_at: datetime | None = _moment()
