"""The primary key of every kind of item. Each starts with the organisation that owns it."""

import hashlib
from datetime import datetime
from typing import Final, NamedTuple

from adapters.dynamodb.values import Item, storable, timestamp
from contracts.ids import (
    ApiKeyId,
    ChannelId,
    ConversationId,
    DocumentId,
    EventId,
    MessageId,
    OrganizationId,
    PassageId,
    PersonId,
    WebhookEndpointId,
)

MAX_FOREIGN_BYTES: Final = 512
"""Of an identifier made by others. DynamoDB takes 2,048 bytes in a partition key, 1,024 in a sort
key (its developer guide, "Constraints"); a longer identifier is replaced by its hash."""

_PLATFORM: Final = "platform"


class Key(NamedTuple):
    partition: str
    sort: str

    def item(self) -> Item:
        return {"pk": {"S": self.partition}, "sk": {"S": self.sort}}


def conversation(organization: OrganizationId, conversation: ConversationId) -> Key:
    return Key(_conversation(organization, conversation), "conversation")


def message(organization: OrganizationId, conversation: ConversationId, message: MessageId) -> Key:
    return Key(messages(organization, conversation), message)


def messages(organization: OrganizationId, conversation: ConversationId) -> str:
    return f"{_conversation(organization, conversation)}/messages"


def received(organization: OrganizationId, conversation: ConversationId, wamid: str) -> Key:
    return Key(f"{_conversation(organization, conversation)}/received", foreign(wamid))


def effect(organization: OrganizationId, conversation: ConversationId, wamid: str) -> Key:
    return Key(f"{_conversation(organization, conversation)}/effects", foreign(wamid))


def summary(organization: OrganizationId, conversation: ConversationId) -> Key:
    return Key(_conversation(organization, conversation), "summary")


def draft(organization: OrganizationId, conversation: ConversationId, draft_id: str) -> Key:
    return Key(f"{_conversation(organization, conversation)}/drafts", draft_id)


def transcription(
    organization: OrganizationId, conversation: ConversationId, message: MessageId
) -> Key:
    return Key(f"{_conversation(organization, conversation)}/transcriptions", message)


def outbound(organization: OrganizationId, wamid: str) -> Key:
    return Key(f"{organization}/outbound/{foreign(wamid)}", "message")


def alias(organization: OrganizationId, kind: str, value: str) -> Key:
    return Key(f"{organization}/person-alias/{kind}/{foreign(value)}", "alias")


def person(organization: OrganizationId, person: PersonId) -> Key:
    return Key(f"{organization}/person/{person}", "person")


def conversation_of(
    organization: OrganizationId, person_id: PersonId, conversation: ConversationId
) -> Key:
    return Key(f"{organization}/person/{person_id}", f"conversation/{conversation}")


def alias_of(organization: OrganizationId, person_id: PersonId, alias: Key) -> Key:
    """Beside the person: an alias that leads to them, now or formerly."""
    name = alias.partition.removeprefix(f"{organization}/person-alias/")
    return Key(f"{organization}/person/{person_id}", f"alias/{name}")


def dead_letters(organization: OrganizationId | None) -> str:
    return f"{organization or _PLATFORM}/dead-letters"


def rate_limit(organization: OrganizationId | None, scope: str, key: str, window: int) -> Key:
    return Key(f"{organization or _PLATFORM}/rate-limit/{scope}/{foreign(key)}", f"{window:012d}")


def number_rate(organization: OrganizationId, channel: ChannelId) -> Key:
    return Key(f"{organization}/number-rate/{channel}", "number")


def embedding_line(organization: OrganizationId | None) -> Key:
    """Of the organisation's share of the embedding quota; of the whole quota without one."""
    return Key(f"{organization or _PLATFORM}/embedding-line", "line")


def embedding_turn(
    organization: OrganizationId, document: DocumentId, *, version: int, start: int
) -> Key:
    return Key(f"{organization}/embedding-turn/{document}/{version:06d}/{start:06d}", "turn")


def idempotency(organization: OrganizationId | None, api_key: ApiKeyId, name: str) -> Key:
    return Key(f"{organization or _PLATFORM}/idempotency/{api_key}/{foreign(name)}", "request")


def quota(organization: OrganizationId, window: str) -> Key:
    return Key(f"{organization}/quotas", window)


def quota_of_person(organization: OrganizationId, person_id: PersonId, window: str) -> Key:
    return Key(person(organization, person_id).partition, f"quota/{window}")


def told_of_limit(organization: OrganizationId, person_id: PersonId, window: str) -> Key:
    return Key(person(organization, person_id).partition, f"told-of-limit/{window}")


def query_embedding(organization: OrganizationId, model: str, digest: str) -> Key:
    """Spread over 16 partitions by the first digit, which can be listed when all must go."""
    return Key(f"{organization}/query-embeddings/{digest[0]}", f"{foreign(model)}/{digest}")


def activity_index(organization: OrganizationId) -> str:
    return f"{organization}/conversations"


def status_index(organization: OrganizationId, status: str) -> str:
    return f"{organization}/conversations/{status}"


def uncertain_index(organization: OrganizationId) -> str:
    return f"{organization}/uncertain-messages"


def people_index(organization: OrganizationId) -> str:
    return f"{organization}/people"


def embedding(
    organization: OrganizationId, document: DocumentId, *, version: int, start: int
) -> Key:
    return Key(f"{organization}/embeddings", f"{document}/{version:06d}/{start:06d}")


def reembedding(organization: OrganizationId, passage: PassageId, number: int) -> Key:
    """In the partition of `embedding`."""
    return Key(f"{organization}/embeddings", f"{passage}/{number:06d}")


def event_log(organization: OrganizationId, moment: datetime, event: EventId) -> Key:
    return Key(event_log_day(organization, moment), f"{timestamp(moment)}/{event}")


def event_log_day(organization: OrganizationId, moment: datetime) -> str:
    return f"{organization}/events/{timestamp(moment)[:10]}"


def webhook_delivery(
    organization: OrganizationId, endpoint: WebhookEndpointId, attempt: str
) -> Key:
    return Key(f"{organization}/webhook-deliveries", f"{endpoint}/{attempt}")


def webhook_dead_letter(
    organization: OrganizationId, endpoint: WebhookEndpointId, event: EventId
) -> Key:
    return Key(f"{organization}/webhook-dead-letters", f"{endpoint}/{foreign(event)}")


def webhook_dead_letters_index(organization: OrganizationId, endpoint: WebhookEndpointId) -> str:
    return f"{organization}/webhook-dead-letters/{endpoint}"


def usage_index(organization: OrganizationId, quarter: datetime) -> str:
    return f"{organization}/usage/{timestamp(quarter)}"


def foreign(identifier: str) -> str:
    """An identifier from outside as part of a key: never empty, never too long."""
    identifier = storable(identifier)
    if 0 < len(identifier.encode()) <= MAX_FOREIGN_BYTES:
        return identifier
    return f"sha256-{hashlib.sha256(identifier.encode()).hexdigest()}"


def _conversation(organization: OrganizationId, conversation: ConversationId) -> str:
    return f"{organization}/conversation/{conversation}"
