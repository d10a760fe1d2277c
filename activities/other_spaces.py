"""Removes the vectors that a knowledge base has left behind in spaces that it is not in."""

from adapters.postgres.embedding_spaces import EmbeddingSpaces
from adapters.vectors.index import EmbeddingSpace, VectorIndex
from contracts.embedding import ReembedKnowledgeBase


async def forget_other_spaces(
    ref: ReembedKnowledgeBase, *, spaces: EmbeddingSpaces, index: VectorIndex
) -> None:
    """Remove its vectors of every space that it neither is in nor on its way to.

    Nobody can send it on its way meanwhile; when it was deleted, all of its vectors go.
    """
    async with spaces.unmoved(ref) as known:
        kept = [known.present, known.next] if known is not None else []
        await index.delete_knowledge_base(
            ref.organization_id,
            knowledge_base_id=ref.knowledge_base_id,
            but=[
                EmbeddingSpace(space.model.name, space.dimension)
                for space in kept
                if space is not None and space.dimension is not None
            ],
        )
