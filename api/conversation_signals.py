"""Signals to the workflows of conversations, which they start where none runs."""

from datetime import timedelta
from typing import Final

import structlog
from temporalio.client import Client

from adapters.postgres.channel_routes import ChannelRoute
from adapters.temporal.conversations import start_options
from api.durability import Poison, durably
from contracts import names
from contracts.conversation import (
    PROTOCOL,
    ConversationInput,
    ConversationRef,
    EchoedMessage,
    InboundMessage,
    ReceivedEcho,
    ReceivedMessage,
    SettledSend,
)
from contracts.ids import (
    ConversationId,
    PersonId,
    conversation_id,
    conversation_workflow_id,
    parties_of,
)

RPC_TIMEOUT: Final = timedelta(seconds=5)
"""Meta wants an answer within a second; past this, it had better deliver again."""

_log = structlog.stdlib.get_logger(__name__)


class ConversationSignals:
    """Each method returns when Temporal has the signal; see `durably` for what it raises."""

    def __init__(self, temporal: Client) -> None:
        self._temporal = temporal

    async def receive_message(
        self, route: ChannelRoute, person: PersonId, message: InboundMessage, *, trace_id: str
    ) -> None:
        received = ReceivedMessage(
            message=message, debounce_seconds=route.debounce_seconds, trace_id=trace_id
        )
        await self._signal_with_start(route, person, "receive_message", received)

    async def receive_echo(
        self, route: ChannelRoute, person: PersonId, echo: EchoedMessage, *, trace_id: str
    ) -> None:
        received = ReceivedEcho(echo=echo, trace_id=trace_id)
        await self._signal_with_start(route, person, "receive_echo", received)

    async def settle_send(self, conversation: ConversationId, settled: SettledSend) -> None:
        """Tell of a send's fate; whoever has closed does not wait for it."""
        handle = self._temporal.get_workflow_handle(
            conversation_workflow_id(*parties_of(conversation))
        )
        try:
            await durably(handle.signal("settle_send", settled, rpc_timeout=RPC_TIMEOUT))
        except Poison:
            _log.info("settled_after_the_conversation_closed", conversation_id=conversation)

    async def _signal_with_start(
        self,
        route: ChannelRoute,
        person: PersonId,
        signal: str,
        argument: ReceivedMessage | ReceivedEcho,
    ) -> None:
        conversation = conversation_of(route, person)
        await durably(
            self._temporal.start_workflow(
                names.CONVERSATION_WORKFLOW,
                ConversationInput(conversation=conversation, protocol=PROTOCOL),
                start_signal=signal,
                start_signal_args=[argument],
                rpc_timeout=RPC_TIMEOUT,
                **start_options(conversation),
            )
        )


def conversation_of(route: ChannelRoute, person: PersonId) -> ConversationRef:
    return ConversationRef(
        organization_id=route.organization_id,
        channel_id=route.channel_id,
        person_id=person,
        conversation_id=conversation_id(route.channel_id, person),
    )
