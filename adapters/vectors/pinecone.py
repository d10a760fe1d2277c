"""Vectors in Pinecone: one index of the embedding model, a namespace for each organisation.

Through the documents API: it is the SDK's default for new indexes, reports the log position of
each write, and demands a namespace, where the older vectors API falls back to a shared one. Limits
are those of Pinecone's "Database limits" page; they are kept here, because the server refuses a
request as a whole.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from pinecone import (
    AsyncPinecone,
    ConflictError,
    DenseVectorQuery,
    NotFoundError,
    PineconeError,
    RetryConfig,
)
from pinecone.async_client.async_index import AsyncIndex
from pinecone.models.indexes.index import IndexModel
from pinecone.models.indexes.schema import DenseVectorField
from pydantic import SecretStr

from adapters.vectors.index import DocumentVersion, PassageVector, VectorIndexError, WriteToken
from adapters.vectors.pinecone_errors import vector_index_error
from contracts.ids import DocumentId, KnowledgeBaseId, OrganizationId, PassageId

MAX_RECORDS: Final = 1000
MAX_REQUEST_BYTES: Final = 2_000_000
MAX_RESULTS: Final = 10_000
CREATE_SECONDS: Final = 240

_FIELD: Final = "embedding"
_MODEL_TAG: Final = "embedding_model"
_POLL_SECONDS: Final = 0.2

T = TypeVar("T")


class PineconeIndex:
    """`VectorIndex` on Pinecone. Opens its connections when first used; `close` it.

    The SDK absorbs short throttling; what lasts longer is raised with Pinecone's word on when to
    come back. A passage carries no text there: its id leads back to PostgreSQL.
    """

    def __init__(
        self,
        *,
        api_key: SecretStr,
        index_name: str,
        model: str,
        controller_host: str | None = None,
        cloud: str = "aws",
        region: str = "us-east-1",
        visible_within_seconds: float = 60,
    ) -> None:
        """
        Args:
            api_key: of the Pinecone project.
            index_name: made with the first vectors' dimension when it does not exist.
            model: whose vectors these are; an index of another model is refused.
            controller_host: of the control plane; Pinecone's own by default.
            cloud: where the index is made.
            region: where the index is made.
            visible_within_seconds: how long `wait_visible` waits.
        """
        self._client = AsyncPinecone(
            api_key.get_secret_value(),
            host=controller_host,
            retry_config=RetryConfig(max_retries=3, max_wait=2),
        )
        self._name = index_name
        self._model = model
        self._deployment = {"deployment_type": "managed", "cloud": cloud, "region": region}
        self._visible_within = visible_within_seconds
        self._opening = asyncio.Lock()
        self._opened: tuple[AsyncIndex, int] | None = None

    async def close(self) -> None:
        if self._opened is not None:
            await self._opened[0].close()
            self._opened = None
        await self._client.close()

    async def upsert(
        self, version: DocumentVersion, vectors: Sequence[PassageVector]
    ) -> WriteToken | None:
        if not vectors:
            return None
        dimension = len(vectors[0].vector)
        index = await _translated(lambda: self._index(create_with_dimension=dimension))
        assert index is not None  # noqa: S101 - it was made if it was missing
        namespace = _namespace(version.organization_id)
        committed: int | None = None
        for batch in _batches([_record(version, vector) for vector in vectors]):
            response = await _translated(
                partial(index.documents.upsert, namespace=namespace, documents=batch)
            )
            info = response.response_info
            committed = info.lsn_committed if info is not None else None
        return None if committed is None else WriteToken(str(committed))

    async def wait_visible(self, organization_id: OrganizationId, *, token: WriteToken) -> None:
        index = await _translated(self._index)
        if index is None:
            raise VectorIndexError("The Pinecone index has disappeared.", retryable=True)
        try:
            async with asyncio.timeout(self._visible_within):
                await self._until_visible(index, _namespace(organization_id), int(token))
        except TimeoutError:
            raise VectorIndexError(
                "Pinecone has not indexed the passages yet.", retryable=True
            ) from None

    async def search(
        self,
        organization_id: OrganizationId,
        *,
        knowledge_base_ids: Collection[KnowledgeBaseId],
        vectors: Sequence[Sequence[float]],
        limit: int,
        hidden: Collection[tuple[DocumentId, int]] = (),
    ) -> list[Mapping[PassageId, float]]:
        nothing: list[Mapping[PassageId, float]] = [{} for _ in vectors]
        if not vectors or not knowledge_base_ids:
            return nothing
        namespace = _namespace(organization_id)
        index = await _translated(self._index)
        if index is None:
            return nothing
        conditions: dict[str, Any] = {
            "organization_id": {"$eq": organization_id},
            "knowledge_base_id": {"$in": sorted(knowledge_base_ids)},
        }
        if hidden:
            conditions["version_key"] = {"$nin": sorted(_version_key(*each) for each in hidden)}
        searches = [
            self._search(index, namespace, vector, conditions, min(limit, MAX_RESULTS))
            for vector in vectors
        ]
        return await asyncio.gather(*searches)

    async def delete_older_versions(self, version: DocumentVersion) -> None:
        await self._delete(
            version.organization_id,
            {
                "document_id": {"$eq": version.document_id},
                "version": {"$lt": version.version},
            },
        )

    async def delete_document(
        self, organization_id: OrganizationId, *, document_id: DocumentId
    ) -> None:
        await self._delete(organization_id, {"document_id": {"$eq": document_id}})

    async def delete_knowledge_base(
        self, organization_id: OrganizationId, *, knowledge_base_id: KnowledgeBaseId
    ) -> None:
        await self._delete(organization_id, {"knowledge_base_id": {"$eq": knowledge_base_id}})

    async def delete_organization(self, organization_id: OrganizationId) -> bool:
        """Remove the organisation's namespace. Pinecone keeps deleted data for up to 90 days."""
        name = _namespace(organization_id)
        index = await _translated(self._index)
        if index is None:
            return False

        async def delete() -> bool:
            await index.delete_namespace(name=name)
            return True

        return await _unless_missing(delete) or False

    async def _search(
        self,
        index: AsyncIndex,
        namespace: str,
        vector: Sequence[float],
        conditions: Mapping[str, Any],
        limit: int,
    ) -> Mapping[PassageId, float]:
        query = DenseVectorQuery(field=_FIELD, values=list(vector))
        # A namespace that nothing was ever written to does not exist.
        found = await _unless_missing(
            lambda: index.documents.search(
                namespace=namespace, score_by=[query], top_k=limit, filter=conditions
            )
        )
        if found is None:
            return {}
        return {PassageId(match.id): match.score or 0.0 for match in found.matches}

    async def _until_visible(self, index: AsyncIndex, namespace: str, position: int) -> None:
        probe = DenseVectorQuery(field=_FIELD, values=[1.0] + [0.0] * (self._dimension() - 1))
        while not await self._is_visible(index, namespace, position, probe):  # noqa: ASYNC110 - a server is asked
            await asyncio.sleep(_POLL_SECONDS)

    async def _is_visible(
        self, index: AsyncIndex, namespace: str, position: int, probe: DenseVectorQuery
    ) -> bool:
        found = await _unless_missing(
            lambda: index.documents.search(namespace=namespace, score_by=[probe], top_k=1)
        )
        return (
            found is not None
            and found.response_info is not None
            and found.response_info.is_reconciled(position)
        )

    async def _delete(self, organization_id: OrganizationId, conditions: dict[str, Any]) -> None:
        namespace = _namespace(organization_id)
        index = await _translated(self._index)
        if index is not None:
            await _unless_missing(
                lambda: index.documents.delete(namespace=namespace, filter=conditions)
            )

    def _dimension(self) -> int:
        assert self._opened is not None  # noqa: S101 - callers hold the opened index
        return self._opened[1]

    async def _index(self, *, create_with_dimension: int | None = None) -> AsyncIndex | None:
        """The index, opened once; `None` when it does not exist and must not be made."""
        async with self._opening:
            if self._opened is None:
                model = await self._describe_or_create(create_with_dimension)
                if model is None:
                    return None
                dimension = self._dimension_of(model)
                self._opened = (await self._client.index(host=model.host or ""), dimension)
            index, dimension = self._opened
        if create_with_dimension not in (None, dimension):
            raise VectorIndexError(
                f"The Pinecone index {self._name} holds vectors of {dimension} numbers, the model "
                f"gives {create_with_dimension}: set PINECONE_INDEX to another name.",
                retryable=False,
            )
        return index

    async def _describe_or_create(self, dimension: int | None) -> IndexModel | None:
        try:
            return await self._client.indexes.describe(self._name)
        except NotFoundError:
            if dimension is None:
                return None
        fields = {_FIELD: {"type": "dense_vector", "dimension": dimension, "metric": "cosine"}}
        try:
            return await self._client.indexes.create(
                name=self._name,
                schema={"fields": fields},
                deployment=self._deployment,
                tags={_MODEL_TAG: self._model},
                timeout=CREATE_SECONDS,
            )
        except ConflictError:  # another process was faster
            return await self._client.indexes.describe(self._name)

    def _dimension_of(self, model: IndexModel) -> int:
        field = model.schema.fields.get(_FIELD)
        if not isinstance(field, DenseVectorField):
            raise VectorIndexError(
                f"The Pinecone index {self._name} was made for something else: "
                "set PINECONE_INDEX to another name.",
                retryable=False,
            )
        made_for = (model.tags or {}).get(_MODEL_TAG, self._model)
        if made_for != self._model:
            raise VectorIndexError(
                f"The Pinecone index {self._name} was made for the model {made_for}, the platform "
                f"uses {self._model}: set PINECONE_INDEX to another name.",
                retryable=False,
            )
        if not model.status.ready or model.host is None:
            raise VectorIndexError(
                f"The Pinecone index {self._name} is not ready yet.", retryable=True, retry_after=5
            )
        return field.dimension


def _namespace(organization_id: OrganizationId) -> str:
    """The organisation's namespace: its opaque id. Never empty, for that would be everyone's."""
    if not organization_id.strip() or not organization_id.isascii():
        raise ValueError("not an organisation's id")
    return organization_id


def _version_key(document_id: DocumentId, version: int) -> str:
    return f"{document_id}#{version}"


def _record(version: DocumentVersion, vector: PassageVector) -> dict[str, Any]:
    return {
        "_id": vector.passage_id,
        _FIELD: list(vector.vector),
        "organization_id": version.organization_id,
        "knowledge_base_id": version.knowledge_base_id,
        "document_id": version.document_id,
        "version": version.version,
        "version_key": _version_key(version.document_id, version.version),
        "position": vector.position,
    }


def _batches(records: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    # Brackets, commas and the name around the list take less than this.
    overhead, used = 100, 100
    for record in records:
        size = len(json.dumps(record)) + 2
        if batch and (len(batch) == MAX_RECORDS or used + size > MAX_REQUEST_BYTES):
            yield batch
            batch, used = [], overhead
        batch.append(record)
        used += size
    if batch:
        yield batch


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
