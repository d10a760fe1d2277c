"""A worker for the roll-up whose pages are given, for what the workflow makes of them."""

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio import activity
from temporalio.client import Client
from temporalio.worker import Worker
from ulid import ULID

from contracts.usage import RolledUpPage, RollUpPage
from workflows.roll_up_usage import RollUpUsageWorkflow


class Pages:
    """Answers in turn; an exception is raised. Without an answer there is nothing to do."""

    def __init__(self, *answers: RolledUpPage | Exception) -> None:
        self._answers = deque(answers)
        self.asked: list[RollUpPage] = []

    @activity.defn(name="roll_up_usage_page")
    async def roll_up_usage_page(self, page: RollUpPage) -> RolledUpPage:
        self.asked.append(page)
        answer = self._answers.popleft() if self._answers else a_page(rolled=0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def a_page(*, rolled: int = 100, failed: int = 0, next_after: str | None = None) -> RolledUpPage:
    return RolledUpPage(rolled=rolled, failed=failed, quarters=rolled, next_after=next_after)


@asynccontextmanager
async def rolling_up(client: Client, pages: Pages) -> AsyncIterator[str]:
    """A running worker on a task queue of its own."""
    queue = f"usage-{ULID()}"
    async with Worker(
        client,
        task_queue=queue,
        workflows=[RollUpUsageWorkflow],
        activities=[pages.roll_up_usage_page],
    ):
        yield queue
