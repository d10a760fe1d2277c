"""Embeds a batch of a document's passages, each exact input at most once in the document's life.

Every answer of the provider is kept as soon as it is there (`KeptEmbeddings`), and what is kept is
looked up before anything is asked.
"""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol

from adapters.openai.embeddings import Embeddings, ModelNotOffered, Vector
from adapters.postgres.embedding_spaces import NumberedSpace, OtherModel
from adapters.postgres.ingestion import DocumentState, Ingestions, StagedPassage
from adapters.postgres.kept_embeddings import Kept, KeptEmbeddings
from adapters.vectors.index import PassageVector
from contracts.ids import DocumentId, OrganizationId
from contracts.ingestion import EmbeddingTurn, EmbedPassages
from domain.passage_parts import parts_of


class EmbeddingUsage(Protocol):
    """Where it is noted what requests cost; the same one again changes nothing."""

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


class EmbeddingQuota(Protocol):
    """Tells whose turn it is at the provider."""

    async def turn(
        self,
        organization_id: OrganizationId,
        *,
        document_id: DocumentId,
        version: int,
        start: int,
        tokens: int,
    ) -> float | None: ...


class PassageEmbedder:
    def __init__(
        self,
        ingestions: Ingestions,
        *,
        kept: KeptEmbeddings,
        embeddings: Embeddings,
        quota: EmbeddingQuota,
        usage: EmbeddingUsage,
        count_tokens: Callable[[str], int],
    ) -> None:
        self._ingestions = ingestions
        self._kept = kept
        self._embeddings = embeddings
        self._quota = quota
        self._usage = usage
        self._count_tokens = count_tokens

    def require(self, space: NumberedSpace) -> Embeddings:
        """What embeds for this space; `OtherModel` when the platform no longer has its model."""
        try:
            return self._embeddings.using(space.model)
        except ModelNotOffered as error:
            raise OtherModel(str(error)) from error

    async def embed(
        self, request: EmbedPassages, *, state: DocumentState, passages: Sequence[StagedPassage]
    ) -> list[PassageVector] | EmbeddingTurn:
        """A vector for each part of the passages, in order; or when it is the organisation's turn
        to get them.

        Raises:
            ModelServerError: the provider refused or failed. What it gave before that is kept.
            OtherModel: its vectors have another size than those of the knowledge base, or the
                platform no longer has the model.
            DocumentGone: there is no document to keep them with.
        """
        embeddings = self.require(state.space)
        texts: dict[bytes, str] = {}
        first: dict[bytes, int] = {}
        order: list[tuple[StagedPassage, int, bytes]] = []
        # In a thread: to count the tokens of a batch takes a tenth of a second.
        parts = await asyncio.to_thread(
            parts_of,
            passages,
            title_of=lambda _passage: state.title,
            count_tokens=self._count_tokens,
        )
        for passage, part, text in parts:
            exact = embeddings.input_of(text, kind="passage")
            digest = hashlib.sha256(exact.encode(errors="surrogatepass")).digest()
            order.append((passage, part, digest))
            texts.setdefault(digest, text)
            first.setdefault(digest, passage.position)
        kept = await self._kept.get(
            request.document,
            version=request.version,
            model=embeddings.model,
            dimension=state.space.size,
            digests=texts.keys(),
        )
        await self._record_again(request, embeddings.model, kept, first)
        vectors = {digest: one.vector for digest, one in kept.items()}
        missing = {digest: text for digest, text in texts.items() if digest not in kept}
        if missing:
            turn = await self._turn(request, missing)
            if turn is not None:
                return turn
            vectors |= await self._ask(
                request,
                embeddings,
                missing,
                start=first[next(iter(missing))],
                dimension=state.space.dimension,
            )
        return [
            PassageVector(passage.passage_id, passage.position, vectors[digest], part)
            for passage, part, digest in order
        ]

    async def _turn(
        self, request: EmbedPassages, missing: dict[bytes, str]
    ) -> EmbeddingTurn | None:
        document = request.document
        at = await self._quota.turn(
            document.organization_id,
            document_id=document.document_id,
            version=request.version,
            start=request.start,
            tokens=sum(map(self._count_tokens, missing.values())),
        )
        return None if at is None else EmbeddingTurn(at=datetime.fromtimestamp(at, UTC))

    async def _ask(
        self,
        request: EmbedPassages,
        embeddings: Embeddings,
        missing: dict[bytes, str],
        *,
        start: int,
        dimension: int | None,
    ) -> dict[bytes, Vector]:
        tokens: list[int] = []
        answer = await embeddings.embed(
            list(missing.values()), kind="passage", on_tokens=tokens.append
        )
        vectors = dict(zip(missing, answer, strict=True))
        if len(answer[0]) != dimension:
            await self._ingestions.accept_dimension(
                request.document, model=embeddings.model, dimension=len(answer[0])
            )
        await self._kept.put(
            request.document,
            version=request.version,
            model=embeddings.model,
            vectors=vectors,
            request_tokens=sum(tokens),
        )
        await self._record(request, embeddings.model, start=start, tokens=sum(tokens))
        return vectors

    async def _record_again(
        self,
        request: EmbedPassages,
        model: str,
        kept: dict[bytes, Kept],
        first: dict[bytes, int],
    ) -> None:
        """An earlier attempt may have died between keeping an answer and noting its cost."""
        for digest, one in kept.items():
            if one.request_tokens and one.made_for == request.version:
                await self._record(request, model, start=first[digest], tokens=one.request_tokens)

    async def _record(self, request: EmbedPassages, model: str, *, start: int, tokens: int) -> None:
        await self._usage.record_embedding(
            request.document.organization_id,
            document_id=request.document.document_id,
            version=request.version,
            start=start,
            model=model,
            tokens=tokens,
        )
