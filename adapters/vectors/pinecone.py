"""Vectors in Pinecone: an index for each embedding space, in it a namespace for each organisation.

Through the documents API: it is the SDK's default for new indexes, reports the log position of
each write, and demands a namespace, where the older vectors API falls back to a shared one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any, Final, TypeVar

from pinecone import (
    AsyncPinecone,
    DenseVectorQuery,
    NotFoundError,
    PineconeError,
    RetryConfig,
)
from pinecone.async_client.async_index import AsyncIndex
from pydantic import SecretStr

from adapters.vectors.index import (
    DocumentVersion,
    EmbeddingSpace,
    PassageVector,
    VectorIndexError,
    WriteToken,
)
from adapters.vectors.pinecone_errors import vector_index_error
from adapters.vectors.pinecone_indexes import FIELD, PineconeIndexes
from adapters.vectors.pinecone_records import (
    MAX_RESULTS,
    batches,
    conditions,
    namespace_of,
    passage_of,
    records,
)
from contracts.ids import DocumentId, KnowledgeBaseId, OrganizationId, PassageId

_POLL_SECONDS: Final = 0.2

PARTS_LOOKED_AT: Final = 6
"""For each passage that is asked for: the nearest parts are often of the same passages. Of the
demo's documents a passage has four on average."""

T = TypeVar("T")


class PineconeIndex:
    """`VectorIndex` on Pinecone. Opens its connections when first used; `close` it.

    The SDK absorbs short throttling; what lasts longer is raised with Pinecone's word on when to
    come back.
    """

    def __init__(
        self,
        *,
        api_key: SecretStr,
        index_name: str,
        default_model: str,
        controller_host: str | None = None,
        cloud: str = "aws",
        region: str = "us-east-1",
        visible_within_seconds: float = 60,
    ) -> None:
        """
        Args:
            api_key: of the Pinecone project.
            index_name: of the first index; the others' names begin with it.
            default_model: the platform's own, whose vectors the first index has.
            controller_host: of the control plane; Pinecone's own by default.
            cloud: where indexes are made.
            region: where indexes are made.
            visible_within_seconds: how long `wait_visible` waits.
        """
        self._client = AsyncPinecone(
            api_key.get_secret_value(),
            host=controller_host,
            retry_config=RetryConfig(max_retries=3, max_wait=2),
        )
        self._indexes = PineconeIndexes(
            self._client,
            name=index_name,
            default_model=default_model,
            cloud=cloud,
            region=region,
        )
        self._visible_within = visible_within_seconds

    async def close(self) -> None:
        await self._indexes.close()
        await self._client.close()

    async def upsert(
        self,
        version: DocumentVersion,
        vectors: Sequence[PassageVector],
        *,
        space: EmbeddingSpace,
    ) -> WriteToken | None:
        if not vectors:
            return None
        namespace = namespace_of(version.organization_id)
        batched = list(batches(records(version, vectors)))
        index = await _translated(lambda: self._indexes.of(space, make=True))
        assert index is not None  # noqa: S101 - it was made if it was missing
        committed: int | None = None
        for batch in batched:
            response = await _translated(
                partial(index.documents.upsert, namespace=namespace, documents=batch)
            )
            info = response.response_info
            committed = info.lsn_committed if info is not None else None
        return None if committed is None else WriteToken(str(committed))

    async def wait_visible(
        self, organization_id: OrganizationId, *, space: EmbeddingSpace, token: WriteToken
    ) -> None:
        index = await _translated(lambda: self._indexes.of(space))
        if index is None:
            raise VectorIndexError("The Pinecone index has disappeared.", retryable=True)
        probe = DenseVectorQuery(field=FIELD, values=[1.0] + [0.0] * (space.dimension - 1))
        try:
            async with asyncio.timeout(self._visible_within):
                await _until_visible(index, namespace_of(organization_id), int(token), probe)
        except TimeoutError:
            raise VectorIndexError(
                "Pinecone has not indexed the passages yet.", retryable=True
            ) from None

    async def search(
        self,
        organization_id: OrganizationId,
        *,
        space: EmbeddingSpace,
        knowledge_base_ids: Collection[KnowledgeBaseId],
        vectors: Sequence[Sequence[float]],
        limit: int,
        hidden: Collection[tuple[DocumentId, int]] = (),
    ) -> list[Mapping[PassageId, float]]:
        nothing: list[Mapping[PassageId, float]] = [{} for _ in vectors]
        if not vectors or not knowledge_base_ids:
            return nothing
        namespace = namespace_of(organization_id)
        only = conditions(organization_id, knowledge_base_ids=knowledge_base_ids, hidden=hidden)
        index = await _translated(lambda: self._indexes.of(space))
        if index is None:
            return nothing
        searches = [self._search(index, namespace, vector, only, limit) for vector in vectors]
        return await asyncio.gather(*searches)

    async def delete_older_versions(self, version: DocumentVersion) -> None:
        older = {
            "document_id": {"$eq": version.document_id},
            "version": {"$lt": version.version},
        }
        await self._delete(version.organization_id, older)

    async def delete_document(
        self, organization_id: OrganizationId, *, document_id: DocumentId
    ) -> None:
        await self._delete(organization_id, {"document_id": {"$eq": document_id}})

    async def delete_knowledge_base(
        self,
        organization_id: OrganizationId,
        *,
        knowledge_base_id: KnowledgeBaseId,
        but: Collection[EmbeddingSpace] = (),
    ) -> None:
        own = {"knowledge_base_id": {"$eq": knowledge_base_id}}
        await self._delete(organization_id, own, but=but)

    async def delete_organization(self, organization_id: OrganizationId) -> bool:
        """Remove the organisation's namespaces. Pinecone keeps deleted data for up to 90 days."""
        namespace = namespace_of(organization_id)

        async def delete(index: AsyncIndex) -> bool:
            await index.delete_namespace(name=namespace)
            return True

        found = [
            await _unless_missing(partial(delete, index))
            for index in await _translated(self._indexes.all)
        ]
        return any(found)

    async def _search(
        self,
        index: AsyncIndex,
        namespace: str,
        vector: Sequence[float],
        conditions: Mapping[str, Any],
        limit: int,
    ) -> Mapping[PassageId, float]:
        query = DenseVectorQuery(field=FIELD, values=list(vector))
        looked_at = min(PARTS_LOOKED_AT * limit, MAX_RESULTS)
        while True:
            # A namespace that nothing was ever written to does not exist.
            found = await _unless_missing(
                partial(
                    index.documents.search,
                    namespace=namespace, score_by=[query], top_k=looked_at, filter=conditions,
                )
            )  # fmt: skip
            matches = found.matches if found is not None else []
            nearest: dict[PassageId, float] = {}
            for match in matches:
                nearest.setdefault(passage_of(match.id), match.score or 0.0)
            has_all = len(matches) < looked_at or looked_at == MAX_RESULTS
            if has_all or len(nearest) >= limit:
                return dict(islice(nearest.items(), limit))
            looked_at = min(8 * looked_at, MAX_RESULTS)

    async def _delete(
        self,
        organization_id: OrganizationId,
        which: dict[str, Any],
        *,
        but: Collection[EmbeddingSpace] = (),
    ) -> None:
        namespace = namespace_of(organization_id)
        for index in await _translated(lambda: self._indexes.all(but=but)):
            await _unless_missing(
                partial(index.documents.delete, namespace=namespace, filter=which)
            )


async def _until_visible(
    index: AsyncIndex, namespace: str, position: int, probe: DenseVectorQuery
) -> None:
    while not await _is_visible(index, namespace, position, probe):  # noqa: ASYNC110 - a server is asked
        await asyncio.sleep(_POLL_SECONDS)


async def _is_visible(
    index: AsyncIndex, namespace: str, position: int, probe: DenseVectorQuery
) -> bool:
    found = await _unless_missing(
        lambda: index.documents.search(namespace=namespace, score_by=[probe], top_k=1)
    )
    return (
        found is not None
        and found.response_info is not None
        and found.response_info.is_reconciled(position)
    )


async def _translated(call: Callable[[], Awaitable[T]]) -> T:
    try:
        return await call()
    except PineconeError as error:
        raise vector_index_error(error) from error


async def _unless_missing(call: Callable[[], Awaitable[T]]) -> T | None:
    """The answer of the call, or `None` when what it names does not exist."""
    try:
        return await call()
    except NotFoundError:
        return None
    except PineconeError as error:
        raise vector_index_error(error) from error
