"""Read receipts: beside the replies, never in their way. Whether they work decides nothing."""

import asyncio

import structlog

from adapters.postgres.assistant_profiles import AssistantProfile
from adapters.whatsapp.client import GraphClient, GraphError, GraphOutcomeUnknown, GraphUnreachable

_log = structlog.stdlib.get_logger(__name__)


class ReadReceipts:
    """Close it where it was opened: those under way end first."""

    def __init__(self, graph: GraphClient) -> None:
        self._graph = graph
        self._under_way: set[asyncio.Task[None]] = set()

    def start(self, profile: AssistantProfile, whatsapp_message_id: str, *, typing: bool) -> None:
        """Mark a message as read, and all before it; nobody waits for it.

        Args:
            typing: show that an answer is being written, only while a model writes: a prepared
                text can be there first, and the indicator would then stay for its 25 seconds.
        """
        task = asyncio.create_task(self._mark(profile, whatsapp_message_id, typing=typing))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def close(self) -> None:
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _mark(
        self, profile: AssistantProfile, whatsapp_message_id: str, *, typing: bool
    ) -> None:
        try:
            await self._graph.mark_read(
                profile.phone_number_id, profile.access_token, whatsapp_message_id, typing=typing
            )
        except GraphError as error:
            _log.warning("mark_read_refused", code=error.code)
        except (GraphUnreachable, GraphOutcomeUnknown) as error:
            _log.warning("mark_read_failed", error=type(error).__name__)
