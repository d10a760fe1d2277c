"""Ingestion gives way to the conversations that the same process carries.

A step that nobody waits for takes the processor, here and in the servers that it calls, from a
reply that somebody does wait for. So it begins in a pause between the steps of conversations. It
never waits for long: where people write all the time, documents still go in, only slower.
"""

import asyncio
import time
from typing import Any, Final

from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

PAUSE_SECONDS: Final = 0.03
"""Without a step of a conversation that begins or ends. Those of one turn follow one another
sooner; while a model writes its answer, there is nothing to give way to."""
LONGEST_SECONDS: Final = 0.3
"""That one step gives way."""


class Conversations(Interceptor):
    """For workers that people wait for: notes when an activity begins or ends."""

    def __init__(self) -> None:
        self.last_step = 0.0
        """Time of the last one, on the monotonic clock."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Noted(next, self)


class GivingWay(Interceptor):
    """For workers that nobody waits for: their activities begin in pauses of the conversations."""

    def __init__(self, conversations: Conversations) -> None:
        self._conversations = conversations

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _GivesWay(next, self._conversations)


class _Noted(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, conversations: Conversations) -> None:
        super().__init__(next)
        self._conversations = conversations

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        self._conversations.last_step = time.monotonic()
        try:
            return await super().execute_activity(input)
        finally:
            self._conversations.last_step = time.monotonic()


class _GivesWay(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, conversations: Conversations) -> None:
        super().__init__(next)
        self._conversations = conversations

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        latest = time.monotonic() + LONGEST_SECONDS
        while (now := time.monotonic()) < latest:
            free = self._conversations.last_step + PAUSE_SECONDS
            if now >= free:
                break
            await asyncio.sleep(min(free, latest) - now)
        return await super().execute_activity(input)
