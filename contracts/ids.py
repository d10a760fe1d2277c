"""Identifiers: opaque strings with a type of their own, so that a wrong one does not type-check.

Every id is a prefix, an underscore and a ULID: sortable by creation, safe in paths and URLs.
"""

from typing import Final, NewType

OrganizationId = NewType("OrganizationId", str)
ApiKeyId = NewType("ApiKeyId", str)
AssistantId = NewType("AssistantId", str)
ChannelId = NewType("ChannelId", str)
KnowledgeBaseId = NewType("KnowledgeBaseId", str)
DocumentId = NewType("DocumentId", str)
SourceId = NewType("SourceId", str)
SourceRunId = NewType("SourceRunId", str)
AuditEntryId = NewType("AuditEntryId", str)
ErasureId = NewType("ErasureId", str)
WebhookEndpointId = NewType("WebhookEndpointId", str)
EventId = NewType("EventId", str)
FactId = NewType("FactId", str)
ConsentId = NewType("ConsentId", str)
PassageId = NewType("PassageId", str)
QuestionId = NewType("QuestionId", str)
"""A question that had no answer, whoever asked it; it is made of the question."""
AskedQuestionId = NewType("AskedQuestionId", str)
PersonId = NewType("PersonId", str)
"""A WhatsApp user of an organisation. Carries no phone number: it stands in workflow ids."""
ConversationId = NewType("ConversationId", str)
MessageId = NewType("MessageId", str)
TurnId = NewType("TurnId", str)

ULID_LENGTH: Final = 26


def conversation_id(channel: ChannelId, person: PersonId) -> ConversationId:
    """The one conversation of a person on a channel, however often it closes and reopens."""
    return ConversationId(f"conv_{channel.removeprefix('chn_')}{person.removeprefix('wau_')}")


def conversation_workflow_id(channel: ChannelId, person: PersonId) -> str:
    return f"conversation/{channel}/{person}"


def parties_of(conversation: str) -> tuple[ChannelId, PersonId]:
    """The channel and the person that a conversation id is made of; `ValueError` if it is none."""
    ulids = conversation.removeprefix("conv_")
    if not conversation.startswith("conv_") or len(ulids) != 2 * ULID_LENGTH or not ulids.isalnum():
        raise ValueError("not a conversation id")
    return ChannelId(f"chn_{ulids[:ULID_LENGTH]}"), PersonId(f"wau_{ulids[ULID_LENGTH:]}")


def post_turn_id(post_id: str) -> TurnId:
    """What an operator posts is no turn of the assistant's, but has a place like one."""
    return TurnId(f"post.{post_id}")


def ingestion_workflow_id(document: DocumentId) -> str:
    return f"ingest/{document}"


def reembedding_workflow_id(knowledge_base: KnowledgeBaseId) -> str:
    return f"reembed/{knowledge_base}"


def source_schedule_id(source: SourceId) -> str:
    return f"source/{source}"


def sync_workflow_id(source: SourceId, timing: str) -> str:
    """How the ids of a source's syncs begin; Temporal appends the time of each.

    Args:
        timing: a digest of when it is synced, by which a schedule that is out of date is known.
    """
    return f"sync/{source}/{timing}"


def erasure_id(subject: str) -> ErasureId:
    """The one erasure of an organisation or a person: whoever asks again means the same."""
    return ErasureId(f"era_{subject.partition('_')[2]}")


def erasure_workflow_id(erasure: ErasureId) -> str:
    return f"erase/{erasure}"


def webhook_deliveries_workflow_id(
    endpoint: WebhookEndpointId, conversation: ConversationId | None
) -> str:
    """What tells one endpoint of one conversation, or of what belongs to no conversation."""
    return f"webhooks/{endpoint}/{conversation or 'organization'}"


def webhook_replay_workflow_id(replay: str) -> str:
    return f"webhook-replay/{replay}"
