"""A document's way into search, as PostgreSQL keeps it: staged, switched on, cleaned up after.

A version's passages are written whole or not at all, and nothing is searched before `activate`.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import case, delete, func, insert, text, update
from sqlalchemy import select as select_columns
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from adapters.postgres.database import Database
from adapters.postgres.documents import unused_contents
from adapters.postgres.embedding_spaces import (
    EmbeddingSpaces,
    NumberedSpace,
    OtherModel,
    spaces_of,
)
from adapters.postgres.passages import TEXT_SEARCH_CONFIGURATION
from adapters.postgres.tables import Document, KeptEmbedding, KnowledgeBase, Passage
from contracts.ids import ULID_LENGTH, DocumentId, PassageId
from contracts.ingestion import IngestDocument, IngestionStage
from domain.chunking import Chunk

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32, as in ULIDs."""

STILL_SEARCHED: Final = "Answers are still given from the version before."

_LANGUAGE = text(
    f"SELECT CAST({TEXT_SEARCH_CONFIGURATION} AS text) "  # noqa: S608 - a constant of ours
    "FROM knowledge_bases AS knowledge_base WHERE knowledge_base.id = :knowledge_base_id"
)


class DocumentGone(Exception):
    """The document, or the version that is being worked on, is no longer there."""


class SpaceMoved(Exception):
    """The knowledge base has got another embedding model since the version was embedded."""


@dataclass(frozen=True, slots=True)
class DocumentState:
    """What ingestion needs to know of a document and its knowledge base."""

    title: str
    content_sha256: str
    active_sha256: str | None
    active_version: int | None
    chunk_count: int
    space: NumberedSpace

    @property
    def current_version(self) -> int | None:
        """The version that is searched, if it is made of the content that the document has."""
        return self.active_version if self.active_sha256 == self.content_sha256 else None


@dataclass(frozen=True, slots=True)
class StagedPassage:
    passage_id: PassageId
    position: int
    heading: str | None
    text: str
    space_number: int
    """The space that it was embedded for, or is to be."""


class Ingestions:
    """Reads and writes of ingestion. Each method is one transaction of one organisation."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.spaces = EmbeddingSpaces(database)

    async def begin(self, ref: IngestDocument) -> DocumentState:
        """How the document stands now; unless that is searched already, its progress begins at 0.

        Whoever is replacing the content is waited for.

        Raises:
            DocumentGone: it does not exist.
        """
        async with self._database.tenant(ref.organization_id) as session:
            document = await _locked(session, ref)
            state = await _state(session, document)
            if state.current_version is None:
                document.status, document.stage, document.error = "processing", "fetching", None
                document.progress = document.embedded_count = 0
                document.staged_count = None
                session.add(document)
        return state

    async def progress(
        self, ref: IngestDocument, *, stage: IngestionStage, progress: float, embedded: int = 0
    ) -> None:
        """Show how far it is; `DocumentGone` when there is nothing to show it on.

        It only moves forward, for batches finish in any order.

        Args:
            embedded: passages that have their vectors.
        """
        async with self._database.tenant(ref.organization_id) as session:
            updated = await session.exec(
                update(Document)
                .where(col(Document.id) == ref.document_id)
                .values(
                    status="processing",
                    stage=stage,
                    error=None,
                    progress=func.greatest(Document.progress, progress),
                    embedded_count=func.greatest(Document.embedded_count, embedded),
                )
            )
        if updated.rowcount == 0:
            raise DocumentGone

    async def stage(
        self,
        ref: IngestDocument,
        *,
        chunks: Sequence[Chunk],
        warnings: Sequence[str] = (),
        progress: float = 0,
    ) -> int:
        """Store the passages under a new version, in place of any that was never switched on."""
        async with self._database.tenant(ref.organization_id) as session:
            document = await _locked(session, ref)
            version = document.next_version
            document.next_version = version + 1
            document.staged_count = len(chunks)
            document.stage, document.progress = "embedding", progress
            document.warnings = list(warnings)
            session.add(document)
            await session.exec(
                delete(Passage).where(
                    col(Passage.document_id) == ref.document_id,
                    col(Passage.version).is_distinct_from(document.active_version),
                )
            )
            base = await session.get_one(KnowledgeBase, ref.knowledge_base_id)
            language = await session.scalar(_LANGUAGE, {"knowledge_base_id": ref.knowledge_base_id})
            connection = await session.connection()
            await connection.execute(
                insert(Passage),
                [
                    {
                        "id": passage_id(ref.document_id, version=version, position=position),
                        "organization_id": ref.organization_id,
                        "knowledge_base_id": ref.knowledge_base_id,
                        "document_id": ref.document_id,
                        "version": version,
                        "space_number": base.space_number,
                        "position": position,
                        "heading": chunk.above,
                        "text": chunk.text,
                        "page": chunk.page,
                        "start_offset": chunk.start,
                        "end_offset": chunk.end,
                        "language": language,
                    }
                    for position, chunk in enumerate(chunks)
                ],
            )
        return version

    async def staged(
        self, ref: IngestDocument, *, version: int, start: int, end: int
    ) -> tuple[DocumentState, list[StagedPassage]]:
        """The document and the passages `start <= position < end` of a version; `DocumentGone` if
        one is missing.
        """
        query = (
            select_columns(
                col(Passage.id), col(Passage.position), col(Passage.heading),
                col(Passage.text), col(Passage.space_number),
            )
            .where(
                col(Passage.document_id) == ref.document_id,
                col(Passage.version) == version,
                col(Passage.position) >= start,
                col(Passage.position) < end,
            )
            .order_by(col(Passage.position))
        )  # fmt: skip
        async with self._database.tenant(ref.organization_id) as session:
            document = await session.get(Document, ref.document_id)
            if document is None or document.knowledge_base_id != ref.knowledge_base_id:
                raise DocumentGone
            state = await _state(session, document)
            rows = await (await session.connection()).execute(query)
            passages = [StagedPassage(*row) for row in rows]
        if len(passages) != end - start:
            raise DocumentGone
        return state, passages

    async def accept_dimension(self, ref: IngestDocument, *, model: str, dimension: int) -> None:
        """Make the dimension part of the knowledge base, or `OtherModel` when it has another."""
        async with self._database.tenant(ref.organization_id) as session:
            await session.exec(
                update(KnowledgeBase)
                .where(
                    col(KnowledgeBase.id) == ref.knowledge_base_id,
                    col(KnowledgeBase.embedding_dimension).is_(None),
                    col(KnowledgeBase.embedding_model) == model,
                )
                .values(embedding_dimension=dimension)
            )
            base = await session.get(KnowledgeBase, ref.knowledge_base_id)
        if base is None:
            raise DocumentGone
        known = base.embedding_dimension
        # If it has got another model meanwhile, that shows when the version is switched on.
        if base.embedding_model == model and known != dimension:
            raise OtherModel(
                f"The knowledge base holds vectors of {known} numbers and {model} now gives "
                f"{dimension}: put the document into a new knowledge base."
            )

    async def activate(
        self, ref: IngestDocument, *, version: int, passage_count: int, content_sha256: str
    ) -> bool:
        """Switch a complete version on; from this transaction on it is the one that is searched.

        Returns:
            Whether it is of the content that the document has now; otherwise more is to be done.

        Raises:
            SpaceMoved: it is not embedded for the model that the knowledge base has by now.
        """
        async with self._database.tenant(ref.organization_id) as session:
            document = await _locked(session, ref)
            stored = await session.scalar(
                select(func.count())
                .select_from(Passage)
                .where(Passage.document_id == ref.document_id, Passage.version == version)
            )
            if stored != passage_count or version < (document.active_version or 0):
                raise DocumentGone
            if version != document.active_version:
                await _require_present_space(session, ref, version=version)
            document.active_version = version
            document.active_sha256 = content_sha256
            document.chunk_count = passage_count
            document.error = None
            document.staged_count = None
            is_current = document.content_sha256 == content_sha256
            if is_current:
                document.status, document.stage, document.progress = "ready", None, 1
                document.embedded_count = passage_count
            session.add(document)
            return is_current

    async def remove_older_versions(self, ref: IngestDocument, *, version: int) -> None:
        """Remove the passages of versions older than this one, and the vectors that only they used.

        What this one uses stays: when the document changes, only what is new is paid for.
        """
        async with self._database.tenant(ref.organization_id) as session:
            await session.exec(
                delete(KeptEmbedding).where(
                    col(KeptEmbedding.document_id) == ref.document_id,
                    col(KeptEmbedding.used_by) < version,
                )
            )
            await session.exec(
                delete(Passage).where(
                    col(Passage.document_id) == ref.document_id, col(Passage.version) < version
                )
            )

    async def fail(self, ref: IngestDocument, *, error: str) -> None:
        """Show why it failed. A version that was searched before still is, which is said."""
        async with self._database.tenant(ref.organization_id) as session:
            await session.exec(
                update(Document)
                .where(col(Document.id) == ref.document_id)
                .values(
                    status="failed",
                    error=case(
                        (col(Document.active_version).is_(None), error),
                        else_=f"{error} {STILL_SEARCHED}",
                    ),
                )
            )

    async def exists(self, ref: IngestDocument) -> bool:
        """Whether the document is there, in whatever state."""
        async with self._database.tenant(ref.organization_id) as session:
            query = select(Document.id).where(Document.id == ref.document_id)
            return (await session.exec(query)).first() is not None

    async def is_needed(self, ref: IngestDocument, *, content_sha256: str) -> bool:
        """Whether a document of the organisation has this content, or is searched with it."""
        async with self._database.tenant(ref.organization_id) as session:
            return not await unused_contents(session, [content_sha256])


async def _state(session: AsyncSession, document: Document) -> DocumentState:
    base = await session.get_one(KnowledgeBase, document.knowledge_base_id)
    return DocumentState(
        title=document.title,
        content_sha256=document.content_sha256,
        active_sha256=document.active_sha256,
        active_version=document.active_version,
        chunk_count=document.chunk_count,
        space=spaces_of(base).present,
    )


async def _require_present_space(
    session: AsyncSession, ref: IngestDocument, *, version: int
) -> None:
    """Also keeps the knowledge base from moving on until the transaction has ended."""
    number = (
        await session.exec(
            select(KnowledgeBase.space_number)
            .where(KnowledgeBase.id == ref.knowledge_base_id)
            .with_for_update(read=True)
        )
    ).one()
    elsewhere = await session.exec(
        select(Passage.id)
        .where(
            Passage.document_id == ref.document_id,
            Passage.version == version,
            Passage.space_number != number,
        )
        .limit(1)
    )
    if elsewhere.first() is not None:
        raise SpaceMoved


def passage_id(document_id: DocumentId, *, version: int, position: int) -> PassageId:
    """The id of a passage, always the same: a repeated write makes no second passage."""
    digest = hashlib.sha256(f"{document_id}/{version}/{position}".encode()).digest()
    number = int.from_bytes(digest[:16])
    return PassageId(
        "psg_" + "".join(_ALPHABET[number >> 5 * n & 31] for n in reversed(range(ULID_LENGTH)))
    )


async def _locked(session: AsyncSession, ref: IngestDocument) -> Document:
    document = (
        await session.exec(
            select(Document)
            .where(
                Document.id == ref.document_id,
                Document.knowledge_base_id == ref.knowledge_base_id,
            )
            .with_for_update()
        )
    ).first()
    if document is None:
        raise DocumentGone
    return document
