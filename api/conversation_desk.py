"""How requests act in a conversation: told in the audit log, done by its workflow, then shown."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Final

from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio.service import RPCError

from adapters.dynamodb.conversations import StoredConversation
from adapters.temporal.conversations import ConversationRefused
from api.dependencies import Tenant
from api.problems import Problem, unavailable
from api.schemas.base import Output
from api.schemas.conversations import ConversationPublic
from contracts.conversation import ConversationRef, ConversationStatus, Operator
from contracts.ids import ConversationId
from domain import service_window

WRITTEN_WITHIN: Final = 5.0
"""Seconds in which the workflow writes down what it has been told; milliseconds, as a rule."""


def ref_of(tenant: Tenant, conversation: StoredConversation) -> ConversationRef:
    return ConversationRef(
        organization_id=tenant.organization_id,
        channel_id=conversation.channel_id,
        person_id=conversation.person_id,
        conversation_id=conversation.id,
    )


class ConversationChange(Output):
    """What the audit log keeps of who has a conversation."""

    status: ConversationStatus


class PostedMessage(Output):
    """What the audit log keeps of an operator's message: not its words, which it would outlive."""

    conversation_id: ConversationId
    type: str


class Act:
    """What a request does in a conversation, and its entry in the audit log."""

    def __init__(self, tenant: Tenant, session: AsyncSession) -> None:
        self._tenant = tenant
        self._session = session
        principal = tenant.principal
        self.operator = Operator(api_key_id=principal.key_id, name=principal.name)

    async def is_told(self, action: str, resource_id: str, after: Output) -> None:
        await self._tenant.record(
            self._session, action=action, resource_id=resource_id, after=after
        )


@asynccontextmanager
async def acting(tenant: Tenant) -> AsyncIterator["Act"]:
    """Act as the request's key. The entry in the audit log stands if, and only if, it was done."""
    try:
        async with tenant.session() as session:
            yield Act(tenant, session)
    except ConversationRefused as error:
        raise Problem(409, str(error), kind="refused") from error
    except (RPCError, TimeoutError, RuntimeError) as error:
        raise unavailable("The workflow engine") from error


async def check_may_be_sent(
    tenant: Tenant, conversation: StoredConversation, *, is_template: bool
) -> None:
    """A problem when WhatsApp would not take the message, or the person does not want it.

    Within the service window it answers what they wrote. Outside, it is a proactive message.
    """
    if service_window.is_open(conversation.last_inbound_at, datetime.now(UTC)):
        return
    if not is_template:
        raise Problem(
            409,
            "The person wrote more than 24 hours ago: WhatsApp takes only a `template` now.",
            kind="service-window-closed",
        )
    if not await tenant.services.consents.may_send_proactively(
        tenant.organization_id, conversation.person_id
    ):
        raise Problem(
            409,
            "The person wants no proactive messages. They can be written to again within 24 hours "
            "after they have written, or when they have opted in.",
            kind="opted-out",
        )


async def show(
    tenant: Tenant,
    conversation: StoredConversation,
    *,
    until: Callable[[StoredConversation], bool],
) -> ConversationPublic:
    """The conversation as it is stored, once that is what it was changed to."""
    found = conversation
    with suppress(TimeoutError):
        async with asyncio.timeout(WRITTEN_WITHIN):
            while True:
                newest = await tenant.services.conversations.get(
                    tenant.organization_id, conversation.id
                )
                found = newest or found
                if newest is None or until(newest):
                    break
                await asyncio.sleep(0.02)
    return ConversationPublic.of(found)
