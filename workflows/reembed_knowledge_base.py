"""Moves a knowledge base to another embedding model, while the one that it has answers searches.

What to do stands on the knowledge base: a target, another one, or none because it was called off.
Whoever changes that signals. So there is one workflow of each knowledge base, and within it one
step after the other: nothing is removed while something else is being written.
"""

import asyncio
from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import (
    ActivityError,
    is_cancelled_exception,
)

from workflows.failures import sentence_of

with workflow.unsafe.imports_passed_through():
    from contracts.activities import (
        fail_reembedding,
        forget_spaces,
        reembed_batch,
        switch_space,
    )
    from contracts.embedding import FailedReembedding, ReembeddedBatch, ReembedKnowledgeBase
    from contracts.names import REEMBED_KNOWLEDGE_BASE_WORKFLOW, SPACE_CHANGED_SIGNAL

PATIENCE: Final = timedelta(hours=1)
"""How long a step waits for a service that is down before the move stops."""
RETRIES: Final = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=60)
)
HEARTBEAT: Final = timedelta(seconds=30)

UNEXPECTED: Final = "Something went wrong on our side. Set the embedding model once more."
TOO_LONG: Final = "A service that is needed did not answer for too long. Try again later."

_SENTENCES: Final = frozenset(["OtherModel", "ModelServerError", "VectorIndexError"])
"""Types of failure whose message was written for a person."""


@workflow.defn(name=REEMBED_KNOWLEDGE_BASE_WORKFLOW)
class ReembedKnowledgeBaseWorkflow:
    """Ends when the knowledge base is in the space that it should be in, or says why it is not."""

    @workflow.init
    def __init__(self, ref: ReembedKnowledgeBase) -> None:
        self._ref = ref
        self._changed = False
        self._step: asyncio.Future[ReembeddedBatch] | None = None

    @workflow.signal(name=SPACE_CHANGED_SIGNAL)
    def space_changed(self) -> None:
        """Look again: the target is another one, or there is none any more."""
        self._changed = True
        if self._step is not None:
            # What it embeds, or waits for, may be wanted no more.
            self._step.cancel()

    @workflow.run
    async def run(self, _ref: ReembedKnowledgeBase) -> None:
        while True:
            self._changed = False
            try:
                await self._move()
            except ActivityError as error:
                if not self._changed:
                    if is_cancelled_exception(error):
                        raise
                    await self._fail(
                        sentence_of(
                            error, told=_SENTENCES, too_long=TOO_LONG, unexpected=UNEXPECTED
                        )
                    )
            # No await since the last look at the signals: none is missed.
            if not self._changed:
                return

    async def _move(self) -> None:
        batch = await self._embed_batch()
        while batch.model is not None:
            _show(f"{batch.done:,} of {batch.total:,} passages are embedded with {batch.model}")
            if batch.done >= batch.total and await self._switch():
                _show("searches that began with the old model come to their end")
                await workflow.sleep(
                    timedelta(seconds=self._ref.settle_seconds), summary="let searches end"
                )
                break
            if workflow.info().is_continue_as_new_suggested():
                # Nothing is lost by it: the next run looks at the knowledge base first.
                workflow.continue_as_new(self._ref)
            batch = await self._embed_batch()
        await workflow.execute_activity(
            forget_spaces,
            self._ref,
            start_to_close_timeout=timedelta(minutes=10),
            heartbeat_timeout=HEARTBEAT,
            retry_policy=RETRIES,
            summary="remove the vectors of models that are not used any more",
        )
        _show("done")

    async def _embed_batch(self) -> ReembeddedBatch:
        self._step = workflow.start_activity(
            reembed_batch,
            self._ref,
            start_to_close_timeout=timedelta(minutes=15),
            schedule_to_close_timeout=PATIENCE,
            heartbeat_timeout=HEARTBEAT,
            retry_policy=RETRIES,
            # Two that write at the same time could be of two targets.
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            summary="embed the next passages",
        )
        try:
            return await self._step
        finally:
            self._step = None

    async def _switch(self) -> bool:
        return await workflow.execute_activity(
            switch_space,
            self._ref,
            start_to_close_timeout=timedelta(seconds=30),
            schedule_to_close_timeout=PATIENCE,
            retry_policy=RETRIES,
            summary="search with the new model from now on",
        )

    async def _fail(self, sentence: str) -> None:
        _show(f"stopped: {sentence}")
        await workflow.execute_activity(
            fail_reembedding,
            FailedReembedding(knowledge_base=self._ref, error=sentence),
            start_to_close_timeout=timedelta(seconds=30),
            retry_policy=RETRIES,
            summary="show the reason on the knowledge base",
        )


def _show(details: str) -> None:
    workflow.set_current_details(details)
