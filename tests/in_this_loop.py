"""Lets Hypothesis, which is synchronous, work with what a test awaits."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


def in_this_loop(*, within: float) -> Callable[[Awaitable[T]], T]:
    """Runs what a test awaits from the thread that Hypothesis works in; it may take so long."""
    loop = asyncio.get_running_loop()

    def run(what: Awaitable[T]) -> T:
        async def awaited() -> T:
            return await what

        return asyncio.run_coroutine_threadsafe(awaited(), loop).result(within)

    return run
