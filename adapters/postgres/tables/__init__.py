"""The tables. One row-level-security rule guards every table that has an `organization_id`.

Ids are text (prefix and ULID), times are UTC. Columns that end in `_encrypted` hold what the key
ring sealed. `migrations/` makes these tables; a test fails when the two drift apart.
"""

from adapters.postgres.tables.knowledge import (
    FIRST_VERSION,
    INDEXED_DIMENSIONS,
    Document,
    KeptEmbedding,
    KnowledgeBase,
    Passage,
    PassageEmbedding,
)
from adapters.postgres.tables.people import (
    Consent,
    ConsentSource,
    ConsentState,
    PersonFact,
    WhatsAppUser,
)
from adapters.postgres.tables.questions import UnansweredQuestion
from adapters.postgres.tables.records import AuditEntry, Erasure, UsageMetric, UsageRollup
from adapters.postgres.tables.sources import Source, SourceRun, SourceRunItem
from adapters.postgres.tables.tenants import ApiKey, Assistant, Channel, Organization, Role
from adapters.postgres.tables.webhooks import WebhookEndpoint

__all__ = [
    "FIRST_VERSION",
    "INDEXED_DIMENSIONS",
    "ApiKey",
    "Assistant",
    "AuditEntry",
    "Channel",
    "Consent",
    "ConsentSource",
    "ConsentState",
    "Document",
    "Erasure",
    "KeptEmbedding",
    "KnowledgeBase",
    "Organization",
    "Passage",
    "PassageEmbedding",
    "PersonFact",
    "Role",
    "Source",
    "SourceRun",
    "SourceRunItem",
    "UnansweredQuestion",
    "UsageMetric",
    "UsageRollup",
    "WebhookEndpoint",
    "WhatsAppUser",
]
