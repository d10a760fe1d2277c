"""The steps of making a document searchable. Each may be repeated, and changes nothing then."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from temporalio import activity

from activities.failures import final, retry_as_told
from activities.heartbeats import heartbeating
from activities.other_spaces import forget_other_spaces
from adapters.openai.embeddings import Embeddings, ModelNotOffered
from adapters.openai.errors import ModelServerError
from adapters.parsing.document import Unreadable, UnreadableDocument
from adapters.parsing.parser import DocumentParser
from adapters.postgres.embedding_spaces import NumberedSpace, OtherModel
from adapters.postgres.ingestion import DocumentGone, Ingestions, SpaceMoved, StagedPassage
from adapters.vectors.index import (
    DocumentVersion,
    EmbeddingSpace,
    PassageVector,
    VectorIndex,
    VectorIndexError,
)
from contracts.embedding import ReembedKnowledgeBase
from contracts.ids import DocumentId, OrganizationId
from contracts.ingestion import (
    ActivateVersion,
    ChunkedDocument,
    EmbedPassages,
    FailedDocument,
    IngestDocument,
)
from domain.chunking import Chunk, chunk_markdown

READ_SHARE: Final = 0.1
EMBED_SHARE: Final = 0.85
"""Shares of the progress: embedding takes nearly all of the time."""

EMBEDDED_AGAIN: Final = 64
"""Passages of a request."""

_GONE: Final = "The document was deleted or replaced while it was being read."


class ContentStore(Protocol):
    """Uploaded files by the digest of their content."""

    async def get(self, organization_id: OrganizationId, sha256: str) -> bytes | None: ...


class EmbeddingUsage(Protocol):
    """Where it is noted what batches cost."""

    async def record_embedding(
        self,
        organization_id: OrganizationId,
        *,
        document_id: DocumentId,
        version: int,
        start: int,
        model: str,
        tokens: int,
    ) -> None: ...


class IngestionActivities:
    """Implements the activities of `IngestDocument`."""

    def __init__(
        self,
        ingestions: Ingestions,
        *,
        contents: ContentStore,
        parser: DocumentParser,
        embeddings: Embeddings,
        index: VectorIndex,
        count_tokens: Callable[[str], int],
        usage: EmbeddingUsage,
    ) -> None:
        self._ingestions = ingestions
        self._spaces = ingestions.spaces
        self._contents = contents
        self._parser = parser
        self._embeddings = embeddings
        self._index = index
        self._count_tokens = count_tokens
        self._usage = usage

    @activity.defn(name="chunk_document")
    async def chunk_document(self, request: IngestDocument) -> ChunkedDocument:
        """Fetch, parse and cut a document into passages under a new version.

        Raises:
            ApplicationError: `UnreadableDocument`, `OtherModel` or `DocumentGone`, all final; the
                message is a sentence for the person who uploaded it.
        """
        try:
            async with heartbeating():
                return await self._chunk_document(request)
        except UnreadableDocument as error:
            raise final(UnreadableDocument(error.reason, error.sentence)) from error
        except OtherModel as error:
            raise final(error) from error
        except DocumentGone as error:
            raise final(error, sentence=_GONE) from error

    async def _chunk_document(self, request: IngestDocument) -> ChunkedDocument:
        state = await self._ingestions.state(request)
        if state.active_version is not None and state.active_sha256 == state.content_sha256:
            return ChunkedDocument(
                version=state.active_version,
                passage_count=state.chunk_count,
                content_sha256=state.content_sha256,
                unchanged=True,
            )
        self._embeddings_of(state.space)
        await self._ingestions.progress(request, stage="reading", progress=0)
        content = await self._contents.get(request.organization_id, state.content_sha256)
        if content is None:
            raise UnreadableDocument(
                Unreadable.MISSING, "The uploaded file is no longer there: upload it again."
            )
        parsed = await self._parser.parse(content)
        chunks: list[Chunk] = await asyncio.to_thread(
            chunk_markdown,
            parsed.text,
            count_tokens=self._count_tokens,
            page_starts=parsed.page_starts,
        )
        version = await self._ingestions.stage(request, chunks=chunks)
        await self._ingestions.progress(request, stage="embedding", progress=READ_SHARE)
        return ChunkedDocument(
            version=version, passage_count=len(chunks), content_sha256=state.content_sha256
        )

    @activity.defn(name="embed_passages")
    async def embed_passages(self, request: EmbedPassages) -> None:
        """Embed a batch of passages and write their vectors; return when searches would see them.

        Raises:
            ApplicationError: `ModelServerError` or `VectorIndexError`, final or to be tried again
                when the service said; `OtherModel` and `DocumentGone`, final.
        """
        try:
            async with heartbeating():
                await self._embed_passages(request)
        except (ModelServerError, VectorIndexError) as error:
            raise retry_as_told(error) from error
        except OtherModel as error:
            raise final(error) from error
        except DocumentGone as error:
            raise final(error, sentence=_GONE) from error

    async def _embed_passages(self, request: EmbedPassages) -> None:
        document = request.document
        state = await self._ingestions.state(document)
        embeddings = self._embeddings_of(state.space)
        passages = await self._ingestions.staged(
            document, version=request.version, start=request.start, end=request.end
        )
        tokens: list[int] = []
        vectors = await embeddings.embed(
            [
                embedded_text(state.title, heading=passage.heading, text=passage.text)
                for passage in passages
            ],
            kind="passage",
            on_tokens=tokens.append,
        )
        if not vectors:
            return
        await self._usage.record_embedding(
            document.organization_id,
            document_id=document.document_id,
            version=request.version,
            start=request.start,
            model=embeddings.model,
            tokens=sum(tokens),
        )
        space = EmbeddingSpace(embeddings.model, len(vectors[0]))
        await self._ingestions.accept_dimension(
            document, model=space.model, dimension=space.dimension
        )
        token = await self._index.upsert(
            _version(document, request.version),
            [
                PassageVector(passage.passage_id, passage.position, vector)
                for passage, vector in zip(passages, vectors, strict=True)
            ],
            space=space,
        )
        if token is not None:
            await self._index.wait_visible(document.organization_id, space=space, token=token)
        await self._mark(document, passages, state.space)
        try:
            await self._ingestions.progress(
                document,
                stage="embedding",
                progress=READ_SHARE + EMBED_SHARE * request.end / request.passage_count,
            )
        except DocumentGone:
            # Deleted while its vectors were on their way: the deletion came too early for them.
            await self._index.delete_document(
                document.organization_id, document_id=document.document_id
            )
            raise

    @activity.defn(name="activate_version")
    async def activate_version(self, request: ActivateVersion) -> None:
        """Let searches find the new version, and only it; then remove what it replaces."""
        document = request.document
        try:
            async with heartbeating():
                while not await self._activate(request):
                    await self._embed_again(request)
                await self._index.delete_older_versions(_version(document, request.version))
                await self._ingestions.remove_older_versions(document, version=request.version)
        except (ModelServerError, VectorIndexError) as error:
            raise retry_as_told(error) from error
        except OtherModel as error:
            raise final(error) from error
        except DocumentGone as error:
            raise final(error, sentence=_GONE) from error

    async def _activate(self, request: ActivateVersion) -> bool:
        """Whether it could: the knowledge base may have got another model meanwhile."""
        try:
            await self._ingestions.activate(
                request.document,
                version=request.version,
                passage_count=request.passage_count,
                content_sha256=request.content_sha256,
            )
        except SpaceMoved:
            return False
        return True

    async def _embed_again(self, request: ActivateVersion) -> None:
        """Embed the whole version for the model that the knowledge base has now."""
        for start in range(0, request.passage_count, EMBEDDED_AGAIN):
            await self._embed_passages(
                EmbedPassages(
                    document=request.document,
                    version=request.version,
                    start=start,
                    end=min(start + EMBEDDED_AGAIN, request.passage_count),
                    passage_count=request.passage_count,
                )
            )
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

    def _embeddings_of(self, space: NumberedSpace) -> Embeddings:
        try:
            return self._embeddings.using(space.model)
        except ModelNotOffered as error:
            raise OtherModel(str(error)) from error

    async def _mark(
        self, document: IngestDocument, passages: Sequence[StagedPassage], space: NumberedSpace
    ) -> None:
        """Note it where it is not what was to be expected when they were cut."""
        moved = [one.passage_id for one in passages if one.space_number != space.number]
        if moved:
            await self._spaces.mark(
                document.organization_id, number=space.number, passage_ids=moved
            )


def embedded_text(title: str, *, heading: str | None, text: str) -> str:
    """What the vector is of: the passage under the titles that a reader would see above it."""
    above = title if heading is None else f"{title} > {heading}"
    return f"{above}\n\n{text}"


def _version(document: IngestDocument, version: int) -> DocumentVersion:
    return DocumentVersion(
        organization_id=document.organization_id,
        knowledge_base_id=document.knowledge_base_id,
        document_id=document.document_id,
        version=version,
    )
