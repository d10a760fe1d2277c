"""The steps of making a document searchable. Each may be repeated, and changes nothing then."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final, Protocol

from temporalio import activity

from activities.failures import final, not_yet, retry_as_told
from activities.heartbeats import Position, heartbeating
from activities.other_spaces import forget_other_spaces
from activities.passage_embedding import PassageEmbedder
from adapters.openai.errors import ModelServerError
from adapters.parsing.document import Unreadable, UnreadableDocument
from adapters.parsing.parser import DocumentParser
from adapters.postgres.embedding_spaces import NumberedSpace, OtherModel
from adapters.postgres.ingestion import DocumentGone, Ingestions, SpaceMoved, StagedPassage
from adapters.postgres.tables import FIRST_VERSION
from adapters.vectors.index import (
    DocumentVersion,
    EmbeddingSpace,
    VectorIndex,
    VectorIndexError,
)
from contracts.embedding import ReembedKnowledgeBase
from contracts.ids import OrganizationId
from contracts.ingestion import (
    ActivatedVersion,
    ActivateVersion,
    ChunkedDocument,
    EmbeddingTurn,
    EmbedPassages,
    FailedDocument,
    IngestDocument,
    IngestionStage,
)
from domain.chunking import Chunk, chunk_markdown

FETCHED: Final = 0.02
PARSED: Final = 0.08
READ: Final = 0.1
EMBEDDED: Final = 0.95
"""The progress at the end of each stage: embedding takes nearly all of the time."""

SHOWN_AFTER: Final = 0.5
"""Seconds that reading or cutting lasts before it is shown. Of most documents it is over by then,
and to write it costs as much."""

EMBEDDED_AGAIN: Final = 64
"""Passages of a request."""

_GONE: Final = "The document was deleted or replaced while it was being read."


class ContentStore(Protocol):
    """Uploaded files by the digest of their content."""

    async def get(self, organization_id: OrganizationId, sha256: str) -> bytes | None: ...

    async def delete(self, organization_id: OrganizationId, sha256: str) -> None: ...


class IngestionActivities:
    """Implements the activities of `IngestDocument`."""

    def __init__(
        self,
        ingestions: Ingestions,
        *,
        contents: ContentStore,
        parser: DocumentParser,
        embedder: PassageEmbedder,
        index: VectorIndex,
        count_tokens: Callable[[str], int],
    ) -> None:
        self._ingestions = ingestions
        self._spaces = ingestions.spaces
        self._contents = contents
        self._parser = parser
        self._embedder = embedder
        self._index = index
        self._count_tokens = count_tokens

    @activity.defn(name="chunk_document")
    async def chunk_document(self, request: IngestDocument) -> ChunkedDocument:
        """Fetch, parse and cut a document into passages under a new version.

        Raises:
            ApplicationError: `UnreadableDocument`, `OtherModel` or `DocumentGone`, all final; the
                message is a sentence for the person who uploaded it.
        """
        try:
            async with heartbeating() as position:
                return await self._chunk_document(request, position)
        except UnreadableDocument as error:
            raise final(UnreadableDocument(error.reason, error.sentence)) from error
        except OtherModel as error:
            raise final(error) from error
        except DocumentGone as error:
            raise final(error, sentence=_GONE) from error

    async def _chunk_document(self, request: IngestDocument, position: Position) -> ChunkedDocument:
        position.at = "fetching"
        state = await self._ingestions.begin(request)
        if state.current_version is not None:
            return ChunkedDocument(
                version=state.current_version,
                passage_count=state.chunk_count,
                content_sha256=state.content_sha256,
                unchanged=True,
            )
        self._embedder.require(state.space)
        content = await self._contents.get(request.organization_id, state.content_sha256)
        if content is None:
            raise UnreadableDocument(
                Unreadable.MISSING, "The uploaded file is no longer there: upload it again."
            )
        position.at = f"parsing {len(content):,} bytes"
        async with self._shown(request, stage="parsing", progress=FETCHED):
            parsed = await self._parser.parse(content)
        position.at = f"chunking {len(parsed.text):,} characters"
        async with self._shown(request, stage="chunking", progress=PARSED):
            chunks: list[Chunk] = await asyncio.to_thread(
                chunk_markdown,
                parsed.text,
                count_tokens=self._count_tokens,
                page_starts=parsed.page_starts,
            )
        position.at = f"writing {len(chunks):,} passages"
        version = await self._ingestions.stage(
            request, chunks=chunks, warnings=parsed.warnings, progress=READ
        )
        return ChunkedDocument(
            version=version,
            passage_count=len(chunks),
            content_sha256=state.content_sha256,
            replaced_sha256=state.active_sha256,
        )

    @asynccontextmanager
    async def _shown(
        self, request: IngestDocument, *, stage: IngestionStage, progress: float
    ) -> AsyncIterator[None]:
        """Show the stage on the document when the block takes long.

        Raises:
            DocumentGone: it had to be shown, and there is nothing to show it on.
        """
        over = asyncio.Event()

        async def show_if_it_lasts() -> None:
            try:
                await asyncio.wait_for(over.wait(), SHOWN_AFTER)
            except TimeoutError:
                await self._ingestions.progress(request, stage=stage, progress=progress)

        showing = asyncio.create_task(show_if_it_lasts())
        try:
            yield
        finally:
            over.set()
            await showing

    @activity.defn(name="embed_passages")
    async def embed_passages(self, request: EmbedPassages) -> EmbeddingTurn | None:
        """Embed a batch of passages and write their vectors; return when searches would see them.

        Returns:
            `None`: done. Otherwise nothing was asked of the provider, because the organisation has
            had its share of the quota for now: when to come back. No slot is held meanwhile.

        Raises:
            ApplicationError: `ModelServerError` or `VectorIndexError`, final or to be tried again
                when the service said; `OtherModel` and `DocumentGone`, final.
        """
        try:
            async with heartbeating() as position:
                return await self._embed_passages(request, position)
        except (ModelServerError, VectorIndexError) as error:
            raise retry_as_told(error) from error
        except OtherModel as error:
            raise final(error) from error
        except DocumentGone as error:
            raise final(error, sentence=_GONE) from error

    async def _embed_passages(
        self, request: EmbedPassages, position: Position
    ) -> EmbeddingTurn | None:
        document = request.document
        state, passages = await self._ingestions.staged(
            document, version=request.version, start=request.start, end=request.end
        )
        if not passages:
            return None
        position.at = f"embedding passages {request.start + 1}-{request.end}"
        vectors = await self._embedder.embed(request, state=state, passages=passages)
        if isinstance(vectors, EmbeddingTurn):
            return vectors
        position.at = f"storing vectors {request.start + 1}-{request.end}"
        space = EmbeddingSpace(state.space.model.name, len(vectors[0].vector))
        token = await self._index.upsert(_version(document, request.version), vectors, space=space)
        if token is not None:
            await self._index.wait_visible(document.organization_id, space=space, token=token)
        await self._mark(document, passages, state.space)
        await self._ingestions.progress(
            document,
            stage="embedding",
            progress=READ + (EMBEDDED - READ) * request.end / request.passage_count,
            embedded=request.done + len(passages),
        )
        return None

    @activity.defn(name="activate_version")
    async def activate_version(self, request: ActivateVersion) -> ActivatedVersion | None:
        """Let searches find the new version, and only it; then remove what it replaces.

        Returns:
            What became of it; only in histories of earlier releases is there `None`.
        """
        document = request.document
        try:
            async with heartbeating() as position:
                position.at = f"switching version {request.version} on"
                await self._ingestions.progress(document, stage="switching_on", progress=EMBEDDED)
                while (is_current := await self._activate(request)) is None:
                    await self._embed_again(request, position)
                if request.version > FIRST_VERSION:
                    position.at = "removing the version before"
                    await self._index.delete_older_versions(_version(document, request.version))
                    await self._ingestions.remove_older_versions(document, version=request.version)
                await self._forget_file(request)
        except (ModelServerError, VectorIndexError) as error:
            raise retry_as_told(error) from error
        except OtherModel as error:
            raise final(error) from error
        except DocumentGone as error:
            raise final(error, sentence=_GONE) from error
        return ActivatedVersion(is_current=is_current)

    async def _activate(self, request: ActivateVersion) -> bool | None:
        """Whether it is current; None when the knowledge base has got another model meanwhile."""
        try:
            return await self._ingestions.activate(
                request.document,
                version=request.version,
                passage_count=request.passage_count,
                content_sha256=request.content_sha256,
            )
        except SpaceMoved:
            return None

    async def _embed_again(self, request: ActivateVersion, position: Position) -> None:
        """Embed the whole version for the model that the knowledge base has now.

        Raises:
            ApplicationError: it is not the organisation's turn at the provider; what it has got
                is kept until then.
        """
        for start in range(0, request.passage_count, EMBEDDED_AGAIN):
            batch = EmbedPassages(
                document=request.document,
                version=request.version,
                start=start,
                end=min(start + EMBEDDED_AGAIN, request.passage_count),
                passage_count=request.passage_count,
                done=start,
            )
            turn = await self._embed_passages(batch, position)
            if turn is not None:
                raise not_yet(turn.at)
        await forget_other_spaces(
            ReembedKnowledgeBase(
                organization_id=request.document.organization_id,
                knowledge_base_id=request.document.knowledge_base_id,
            ),
            spaces=self._spaces,
            index=self._index,
        )

    @activity.defn(name="fail_document")
    async def fail_document(self, request: FailedDocument) -> None:
        """Show the reason on the document. A version that was searched before still is."""
        await self._ingestions.fail(request.document, error=request.error)

    async def _mark(
        self, document: IngestDocument, passages: Sequence[StagedPassage], space: NumberedSpace
    ) -> None:
        """Note it where it is not what was to be expected when they were cut."""
        moved = [one.passage_id for one in passages if one.space_number != space.number]
        if moved:
            await self._spaces.mark(
                document.organization_id, number=space.number, passage_ids=moved
            )

    @activity.defn(name="discard_document")
    async def discard_document(self, request: IngestDocument) -> bool:
        """Remove what steps may have left of a document that was deleted; whether it was.

        PostgreSQL lets nothing outlive the document. A vector index that is not in there takes what
        was on its way when the deletion came.
        """
        if await self._ingestions.exists(request):
            return False
        try:
            await self._index.delete_document(
                request.organization_id, document_id=request.document_id
            )
        except VectorIndexError as error:
            raise retry_as_told(error) from error
        return True

    async def _forget_file(self, request: ActivateVersion) -> None:
        """The file of the version before, unless a document has the same content."""
        sha256, document = request.replaced_sha256, request.document
        if sha256 is None or sha256 == request.content_sha256:
            return
        if not await self._ingestions.is_needed(document, content_sha256=sha256):
            await self._contents.delete(document.organization_id, sha256)


def _version(document: IngestDocument, version: int) -> DocumentVersion:
    return DocumentVersion(
        organization_id=document.organization_id,
        knowledge_base_id=document.knowledge_base_id,
        document_id=document.document_id,
        version=version,
    )
