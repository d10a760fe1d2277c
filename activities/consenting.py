"""What a person's own words say about proactive messages: kept before anybody answers them."""

from collections.abc import Sequence

from adapters.postgres.consents import Consents
from contracts.conversation import ConsentChange, ConversationRef, InboundMessage
from domain.consent import newest_consent_change


async def keep_consent(
    messages: Sequence[InboundMessage], *, conversation: ConversationRef, consents: Consents
) -> ConsentChange | None:
    """Record the newest word of the messages about it, and tell it; None when there is none.

    Repeating it records and tells the same.
    """
    said = newest_consent_change(messages)
    if said is None:
        return None
    organization_id, person_id = conversation.organization_id, conversation.person_id
    if said.change == "stopped":
        await consents.opted_out(
            organization_id, person_id, source="message", at=said.message.sent_at
        )
        return "stopped"
    resumed = await consents.opted_in(
        organization_id,
        person_id,
        source="message",
        at=said.message.sent_at,
        only_after_opt_out=said.may_begin_a_chat,
    )
    return "resumed" if resumed else None
