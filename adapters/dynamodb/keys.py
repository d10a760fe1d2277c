"""The primary key of every kind of item. Each starts with the organisation that owns it."""

import hashlib
from typing import Final, NamedTuple

from adapters.dynamodb.values import Item, storable
from contracts.ids import ConversationId, MessageId, OrganizationId, PersonId

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


def draft(organization: OrganizationId, conversation: ConversationId, draft_id: str) -> Key:
    return Key(f"{_conversation(organization, conversation)}/drafts", draft_id)


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


def activity_index(organization: OrganizationId) -> str:
    return f"{organization}/conversations"


def status_index(organization: OrganizationId, status: str) -> str:
    return f"{organization}/conversations/{status}"


def people_index(organization: OrganizationId) -> str:
    return f"{organization}/people"


def foreign(identifier: str) -> str:
    """An identifier from outside as part of a key: never empty, never too long."""
    identifier = storable(identifier)
    if 0 < len(identifier.encode()) <= MAX_FOREIGN_BYTES:
        return identifier
    return f"sha256-{hashlib.sha256(identifier.encode()).hexdigest()}"


def _conversation(organization: OrganizationId, conversation: ConversationId) -> str:
    return f"{organization}/conversation/{conversation}"
