"""A workflow in a module of its own, as the sandbox wants it."""

import asyncio

from temporalio import workflow


@workflow.defn
class Nap:
    @workflow.run
    async def run(self, seconds: float) -> str:
        await asyncio.sleep(seconds)
        return "rested"
