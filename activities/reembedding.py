"""The steps of a knowledge base's move to another embedding model. Each may be repeated.

What is to be done stands on the knowledge base; a step does the next piece of it.
"""

import asyncio
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Final, Protocol

from temporalio import activity

from activities.failures import final, retry_as_told
from activities.heartbeats import heartbeating
from activities.other_spaces import forget_other_spaces
from adapters.openai.embeddings import Embeddings, ModelNotOffered
from adapters.openai.errors import ModelServerError
from adapters.postgres.embedding_spaces import (
    EmbeddingSpaces,
    NumberedSpace,
    OtherModel,
    PassageToEmbed,
)
from adapters.vectors.index import (
    DocumentVersion,
    EmbeddingSpace,
    PassageVector,
    VectorIndex,
    VectorIndexError,
    WriteToken,
)
from contracts.embedding import FailedReembedding, ReembeddedBatch, ReembedKnowledgeBase
from contracts.ids import OrganizationId, PassageId
from domain.passage_parts import parts_of

BATCH: Final = 128
"""Passages of an activity: what is lost when it dies, and what is waited for at once."""


class ReembeddingUsage(Protocol):
    """Where it is noted what batches cost."""

    async def record_reembedding(
        self,
        organization_id: OrganizationId,
        *,
        passage_id: PassageId,
        number: int,
        model: str,
        tokens: int,
    ) -> None: ...


class ReembeddingActivities:
    """Implements the activities of `ReembedKnowledgeBase`."""

    def __init__(
        self,
        spaces: EmbeddingSpaces,
        *,
        embeddings: Embeddings,
        index: VectorIndex,
        usage: ReembeddingUsage,
        count_tokens: Callable[[str], int],
        batch: int = BATCH,
    ) -> None:
        self._spaces = spaces
        self._embeddings = embeddings
        self._index = index
        self._usage = usage
        self._count_tokens = count_tokens
        self._batch = batch

    @activity.defn(name="reembed_batch")
    async def reembed_batch(self, ref: ReembedKnowledgeBase) -> ReembeddedBatch:
        """Embed the next passages for the next model; return when its searches would see them.

        Raises:
            ApplicationError: `ModelServerError` or `VectorIndexError`, final or to be tried again
                when the service said; `OtherModel`, final.
        """
        try:
            async with heartbeating():
                return await self._reembed_batch(ref)
        except (ModelServerError, VectorIndexError) as error:
            raise retry_as_told(error) from error
        except ModelNotOffered as error:
            raise final(OtherModel(str(error))) from error
        except OtherModel as error:
            raise final(error) from error

    async def _reembed_batch(self, ref: ReembedKnowledgeBase) -> ReembeddedBatch:
        spaces = await self._spaces.of(ref)
        if spaces is None or spaces.next is None:
            return ReembeddedBatch(done=0, total=0, model=None)
        space = spaces.next
        passages = await self._spaces.left(ref, number=space.number, limit=self._batch)
        if passages:
            await self._embed(ref, passages, space)
        progress = await self._spaces.progress(ref, number=space.number)
        return ReembeddedBatch(done=progress.done, total=progress.total, model=str(space.model))

    async def _embed(
        self, ref: ReembedKnowledgeBase, passages: Sequence[PassageToEmbed], space: NumberedSpace
    ) -> None:
        embeddings = self._embeddings.using(space.model)
        tokens: list[int] = []
        # In a thread: to count the tokens of a batch takes a tenth of a second.
        parts = await asyncio.to_thread(
            parts_of,
            passages,
            title_of=lambda passage: passage.title,
            count_tokens=self._count_tokens,
        )
        vectors = await embeddings.embed(
            [text for _, _, text in parts], kind="passage", on_tokens=tokens.append
        )
        await self._usage.record_reembedding(
            ref.organization_id,
            passage_id=passages[0].passage_id,
            number=space.number,
            model=embeddings.model,
            tokens=sum(tokens),
        )
        named = EmbeddingSpace(space.model.name, len(vectors[0]))
        await self._spaces.accept_dimension(ref, number=space.number, dimension=named.dimension)
        written = [
            (passage, PassageVector(passage.passage_id, passage.position, vector, part))
            for (passage, part, _), vector in zip(parts, vectors, strict=True)
        ]
        token = await self._write(ref, written, named)
        if token is not None:
            await self._index.wait_visible(ref.organization_id, space=named, token=token)
        await self._spaces.mark(
            ref.organization_id,
            number=space.number,
            passage_ids=[passage.passage_id for passage in passages],
        )

    async def _write(
        self,
        ref: ReembedKnowledgeBase,
        written: Sequence[tuple[PassageToEmbed, PassageVector]],
        space: EmbeddingSpace,
    ) -> WriteToken | None:
        """The last write's token: when it is visible, all are."""
        last: WriteToken | None = None
        for (document_id, version), group in groupby(
            written, key=lambda pair: (pair[0].document_id, pair[0].version)
        ):
            token = await self._index.upsert(
                DocumentVersion(ref.organization_id, ref.knowledge_base_id, document_id, version),
                [vector for _, vector in group],
                space=space,
            )
            last = token or last
        return last

    @activity.defn(name="switch_space")
    async def switch_space(self, ref: ReembedKnowledgeBase) -> bool:
        """Search the next space in place of the present one; False when something is left."""
        spaces = await self._spaces.of(ref)
        if spaces is None or spaces.next is None:
            return True
        return await self._spaces.arrive(ref, number=spaces.next.number)

    @activity.defn(name="forget_spaces")
    async def forget_spaces(self, ref: ReembedKnowledgeBase) -> None:
        """Remove the vectors of every space that the knowledge base has left."""
        try:
            async with heartbeating():
                await forget_other_spaces(ref, spaces=self._spaces, index=self._index)
        except VectorIndexError as error:
            raise retry_as_told(error) from error

    @activity.defn(name="fail_reembedding")
    async def fail_reembedding(self, request: FailedReembedding) -> None:
        """Show the reason on the knowledge base, which goes on with the model that it has."""
        await self._spaces.fail(request.knowledge_base, error=request.error)
