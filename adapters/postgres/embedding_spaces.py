"""The embedding space of a knowledge base, as PostgreSQL knows it, and the way into another one.

A knowledge base numbers its spaces. Each passage carries the number of the space that it was last
embedded for, so what is left to do follows from the rows: whatever dies, nothing is done twice and
nothing is forgotten.
"""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, update
from sqlalchemy import select as select_columns
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from adapters.postgres.database import Database
from adapters.postgres.tables import Document, KnowledgeBase, Passage
from contracts.embedding import EmbeddingModel, ReembedKnowledgeBase
from contracts.ids import DocumentId, OrganizationId, PassageId


class OtherModel(Exception):
    """The knowledge base's vectors are of another model; its text says which, and what to do."""


@dataclass(frozen=True, slots=True)
class NumberedSpace:
    """A space of a knowledge base."""

    number: int
    model: EmbeddingModel
    dimension: int | None
    """Known once something was embedded."""

    @property
    def size(self) -> int | None:
        """Numbers of its vectors: what they have, or what the model is asked for."""
        return self.dimension or self.model.dimensions

    def is_of(self, model: EmbeddingModel) -> bool:
        """Whether the model, so asked, gives vectors of this space."""
        return model == self.model or (
            model.name == self.model.name and model.dimensions == self.dimension is not None
        )


@dataclass(frozen=True, slots=True)
class Spaces:
    """The space that is searched, and the one that the passages are being embedded for."""

    present: NumberedSpace
    next: NumberedSpace | None


@dataclass(frozen=True, slots=True)
class PassageToEmbed:
    passage_id: PassageId
    document_id: DocumentId
    version: int
    position: int
    title: str
    heading: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Progress:
    done: int
    total: int


def spaces_of(base: KnowledgeBase) -> Spaces:
    present = NumberedSpace(
        base.space_number,
        EmbeddingModel(name=base.embedding_model, dimensions=base.requested_dimension),
        base.embedding_dimension,
    )
    if base.next_space_number is None or base.next_embedding_model is None:
        return Spaces(present, None)
    following = NumberedSpace(
        base.next_space_number,
        EmbeddingModel(name=base.next_embedding_model, dimensions=base.next_requested_dimension),
        base.next_embedding_dimension,
    )
    return Spaces(present, following)


def begin_move(base: KnowledgeBase, *, to: EmbeddingModel) -> None:
    """Note that its passages are to be embedded for this model, from the beginning."""
    base.spaces_made += 1
    base.next_space_number = base.spaces_made
    base.next_embedding_model = to.name
    base.next_requested_dimension = to.dimensions
    base.next_embedding_dimension = None
    base.reindexing_progress = 0
    base.reindexing_error = None


def call_off_move(base: KnowledgeBase) -> None:
    """It stays with the model that it has."""
    base.next_space_number = None
    base.next_embedding_model = None
    base.next_requested_dimension = None
    base.next_embedding_dimension = None
    base.reindexing_progress = 0
    base.reindexing_error = None


def arrive(base: KnowledgeBase) -> None:
    """From the commit on the next space is the one that is searched."""
    following = spaces_of(base).next
    assert following is not None  # noqa: S101 - callers have looked
    base.space_number = following.number
    base.embedding_model = following.model.name
    base.requested_dimension = following.model.dimensions
    base.embedding_dimension = following.dimension
    call_off_move(base)


def settle(base: KnowledgeBase, *, into: EmbeddingModel) -> None:
    """Give it the model at once: it has nothing to embed."""
    begin_move(base, to=into)
    arrive(base)


async def has_passages(session: AsyncSession, base: KnowledgeBase) -> bool:
    """Whether anything of it has been cut into passages, be it switched on or not yet."""
    query = select(Passage.id).where(Passage.knowledge_base_id == base.id).limit(1)
    return (await session.exec(query)).first() is not None


class EmbeddingSpaces:
    """Reads and writes of the move from one space to another. Each is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, ref: ReembedKnowledgeBase) -> Spaces | None:
        """None when the knowledge base was deleted. Waits for who is changing it."""
        async with self.unmoved(ref) as spaces:
            return spaces

    @asynccontextmanager
    async def unmoved(self, ref: ReembedKnowledgeBase) -> AsyncIterator[Spaces | None]:
        """Its spaces, which nobody can change within the block."""
        async with self._database.tenant(ref.organization_id) as session:
            base = await _find(session, ref, lock="share")
            yield None if base is None else spaces_of(base)

    async def left(
        self, ref: ReembedKnowledgeBase, *, number: int, limit: int
    ) -> list[PassageToEmbed]:
        """Passages of versions that are switched on and not embedded for the space."""
        query = (
            select_columns(
                col(Passage.id), col(Passage.document_id), col(Passage.version),
                col(Passage.position), col(Document.title), col(Passage.heading),
                col(Passage.text),
            )
            .join(Document, col(Document.id) == col(Passage.document_id))
            .where(_searched(ref), col(Passage.space_number) != number)
            .order_by(col(Passage.document_id), col(Passage.position))
            .limit(limit)
        )  # fmt: skip
        async with self._database.tenant(ref.organization_id) as session:
            rows = await (await session.connection()).execute(query)
            return [PassageToEmbed(*row) for row in rows]

    async def accept_dimension(
        self, ref: ReembedKnowledgeBase, *, number: int, dimension: int
    ) -> None:
        """Make the dimension part of the next space; `OtherModel` when it has another."""
        async with self._database.tenant(ref.organization_id) as session:
            base = await _find(session, ref, lock="update")
            if base is None or base.next_space_number != number:
                return
            if base.next_embedding_dimension is None:
                base.next_embedding_dimension = dimension
                session.add(base)
            elif base.next_embedding_dimension != dimension:
                raise OtherModel(
                    f"{base.next_embedding_model} first gave vectors of "
                    f"{base.next_embedding_dimension} numbers and now gives {dimension}: "
                    "call it off and begin again."
                )

    async def mark(
        self, organization_id: OrganizationId, *, number: int, passage_ids: Collection[PassageId]
    ) -> None:
        """Note that searches of the space would find the passages."""
        async with self._database.tenant(organization_id) as session:
            await session.exec(
                update(Passage).where(col(Passage.id).in_(passage_ids)).values(space_number=number)
            )

    async def progress(self, ref: ReembedKnowledgeBase, *, number: int) -> Progress:
        """Count what is done, and show it on the knowledge base."""
        done = func.count().filter(col(Passage.space_number) == number)
        query = (
            select(done, func.count())
            .select_from(Passage)
            .join(Document, col(Document.id) == col(Passage.document_id))
            .where(_searched(ref))
        )
        async with self._database.tenant(ref.organization_id) as session:
            counts = Progress(*(await session.exec(query)).one())
            await session.exec(
                update(KnowledgeBase)
                .where(
                    col(KnowledgeBase.id) == ref.knowledge_base_id,
                    col(KnowledgeBase.next_space_number) == number,
                )
                .values(
                    reindexing_progress=counts.done / max(counts.total, 1),
                    reindexing_error=None,
                )
            )
        return counts

    async def arrive(self, ref: ReembedKnowledgeBase, *, number: int) -> bool:
        """Search the next space from now on; False when a passage is not in it yet.

        A version that is switched on meanwhile waits for this, and then sees what has changed.
        """
        async with self._database.tenant(ref.organization_id) as session:
            base = await _find(session, ref, lock="update")
            if base is None or base.next_space_number != number:
                return True
            lacking = await session.exec(
                select(Passage.id)
                .join(Document, col(Document.id) == col(Passage.document_id))
                .where(_searched(ref), Passage.space_number != number)
                .limit(1)
            )
            if lacking.first() is not None:
                return False
            arrive(base)
            session.add(base)
            return True

    async def fail(self, ref: ReembedKnowledgeBase, *, error: str) -> None:
        """Show why it stopped. What was searched before still is."""
        async with self._database.tenant(ref.organization_id) as session:
            await session.exec(
                update(KnowledgeBase)
                .where(
                    col(KnowledgeBase.id) == ref.knowledge_base_id,
                    col(KnowledgeBase.next_space_number).is_not(None),
                )
                .values(reindexing_error=error)
            )


def _searched(ref: ReembedKnowledgeBase) -> ColumnElement[bool]:
    return (col(Passage.knowledge_base_id) == ref.knowledge_base_id) & (
        col(Document.active_version) == col(Passage.version)
    )


async def _find(
    session: AsyncSession, ref: ReembedKnowledgeBase, *, lock: str | None = None
) -> KnowledgeBase | None:
    query = select(KnowledgeBase).where(KnowledgeBase.id == ref.knowledge_base_id)
    if lock is not None:
        # Rows that refer to it may still be written: their foreign keys lock it for its key only.
        query = query.with_for_update(read=lock == "share", key_share=lock == "update")
    return (await session.exec(query)).first()
