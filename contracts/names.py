"""Names on Temporal's side of the fence: task queues, workflow types, search attributes."""

from typing import Final
from zlib import crc32

from temporalio.common import SearchAttributeKey

CONVERSATIONS_QUEUE: Final = "conversations"
"""Workflows and their quick activities: on one queue, so that the worker starts them eagerly."""
CONVERSATIONS_QUEUES: Final = (
    CONVERSATIONS_QUEUE, *(f"{CONVERSATIONS_QUEUE}-{number}" for number in range(1, 8)),
)  # fmt: skip
"""Several, because the tasks of conversations that a worker has in its cache wait in a queue which
knows no fairness keys: an organisation that floods one of them leaves the others alone."""
LLM_QUEUE: Final = "llm"
WHATSAPP_QUEUE: Final = "whatsapp"
MEDIA_QUEUE: Final = "media"
"""Of its own: files are large and slow, and parsing one takes a process and memory of its own."""
INGESTION_QUEUE: Final = "ingestion"
ERASURE_QUEUE: Final = "erasure"
"""Of its own: an erasure may take hours, and must not wait behind documents."""
USAGE_QUEUE: Final = "usage"
WEBHOOKS_QUEUE: Final = "webhooks"
"""Of its own: others' servers are slow, and must hold up nothing of ours."""
SOURCES_QUEUE: Final = "sources"
"""Of its own: others' websites are slow, and must not hold up what people have uploaded."""

CONVERSATION_WORKFLOW: Final = "Conversation"
INGEST_DOCUMENT_WORKFLOW: Final = "IngestDocument"
CONTENT_REPLACED: Final = "content_replaced"
"""Signal of it: the document has another content."""
REEMBED_KNOWLEDGE_BASE_WORKFLOW: Final = "ReembedKnowledgeBase"
ERASE_WORKFLOW: Final = "Erase"
ROLL_UP_USAGE_WORKFLOW: Final = "RollUpUsage"
WEBHOOK_DELIVERIES_WORKFLOW: Final = "WebhookDeliveries"
REPLAY_WEBHOOKS_WORKFLOW: Final = "ReplayWebhooks"
SYNC_SOURCE_WORKFLOW: Final = "SyncSource"
RECONCILE_SCHEDULES_WORKFLOW: Final = "ReconcileSchedules"

SPACE_CHANGED_SIGNAL: Final = "space_changed"
"""Tells `ReembedKnowledgeBase` that the knowledge base shall be in another space."""

RECONCILIATION_SCHEDULE: Final = "source-schedules"
"""Like the next one, of what compares sources with their schedules."""
USAGE_ROLLUP_SCHEDULE: Final = "usage-rollup"
"""Id of the schedule, and how the ids of the workflows begin that it starts."""


def conversations_queue(organization_id: str) -> str:
    """On which of the queues all conversations of the organisation run."""
    return CONVERSATIONS_QUEUES[crc32(organization_id.encode()) % len(CONVERSATIONS_QUEUES)]


ORGANIZATION_ID: Final = SearchAttributeKey.for_keyword("OrganizationId")
CHANNEL_ID: Final = SearchAttributeKey.for_keyword("ChannelId")
CONVERSATION_ID: Final = SearchAttributeKey.for_keyword("ConversationId")
CONVERSATION_STATUS: Final = SearchAttributeKey.for_keyword("ConversationStatus")

SEARCH_ATTRIBUTES: Final = {
    "OrganizationId": "Keyword",
    "ChannelId": "Keyword",
    "ConversationId": "Keyword",
    "ConversationStatus": "Keyword",
}
"""Registered at deployment. Ids only: search attributes are never encrypted."""
