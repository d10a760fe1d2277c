"""One timer for what happens by itself. A history has two events for each timer that is cancelled;
so a deadline that moves away, as it does with every message, leaves the timer alone."""

import asyncio
from datetime import datetime

from temporalio import workflow


class Alarm:
    def __init__(self) -> None:
        self._deadline: datetime | None = None
        self._armed_for: datetime | None = None
        self._timer: asyncio.Task[None] | None = None

    @property
    def is_due(self) -> bool:
        return self._deadline is not None and workflow.now() >= self._deadline

    def set(self, deadline: datetime) -> None:
        """Be due at the deadline, instead of at an earlier set one."""
        self._deadline = deadline
        if self._timer is not None and self._armed_for is not None:
            if self._armed_for <= deadline:
                return  # It rings too early, and is wound up again then.
            self._timer.cancel()
        self._arm(deadline)

    def _arm(self, at: datetime) -> None:
        self._armed_for = at
        self._timer = asyncio.create_task(self._ring(at))

    async def _ring(self, at: datetime) -> None:
        await workflow.sleep(
            (at - workflow.now()).total_seconds(),
            summary="until the assistant returns or the conversation ends",
        )
        self._timer = None
        if self._deadline is not None and workflow.now() < self._deadline:
            self._arm(self._deadline)
