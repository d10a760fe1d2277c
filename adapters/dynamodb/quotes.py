"""Old messages that new ones are about: found by Meta's ids, as they stand now."""

from collections.abc import Sequence
from typing import Final

from adapters.dynamodb import keys
from adapters.dynamodb.messages import StoredMessage, message_from
from adapters.dynamodb.table import Table
from adapters.dynamodb.values import Plain
from contracts.conversation import ConversationRef
from contracts.ids import MessageId
from domain.transcript import edited_words

MOST: Final = 10
"""Looked up at once: a turn that quotes more has the others as unknown."""


async def quoted_messages(
    table: Table, conversation: ConversationRef, wamids: Sequence[str]
) -> list[StoredMessage]:
    """The messages of this conversation with these ids, with their newest words.

    One that was deleted has no text. Two round trips. What is not found is left out.
    """
    organization, ours = conversation.organization_id, conversation.conversation_id
    wanted = list(dict.fromkeys(wamids))[:MOST]
    inbound = {wamid: keys.received(organization, ours, wamid) for wamid in wanted}
    outbound = {wamid: keys.outbound(organization, wamid) for wamid in wanted}
    effects = {wamid: keys.effect(organization, ours, wamid) for wamid in wanted}
    if not wanted:
        return []
    found = await table.get_many([*inbound.values(), *outbound.values(), *effects.values()])
    messages: dict[str, keys.Key] = {}
    for wamid in wanted:
        sent = found.get(outbound[wamid], {})
        leads = sent if sent.get("conversation_id") == ours else found.get(inbound[wamid], {})
        if identifier := leads.get("message_id"):
            messages[wamid] = keys.message(organization, ours, MessageId(identifier))
    if not messages:
        return []
    items = await table.get_many(list(dict.fromkeys(messages.values())))
    return [
        _as_it_stands(message_from(items[key], ours), found.get(effects[wamid], {}))
        for wamid, key in messages.items()
        if key in items
    ]


def _as_it_stands(message: StoredMessage, effect: Plain) -> StoredMessage:
    if effect.get("deleted"):
        return message.model_copy(update={"text": None})
    if edited := effect.get("edited"):
        return message.model_copy(update={"text": edited_words(edited)})
    return message
