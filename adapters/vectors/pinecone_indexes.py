"""The indexes in a Pinecone project that are Parley's: one for each embedding space.

An index of Pinecone's has one size of vectors, so spaces cannot share one. The first space of the
platform's own model has the index that the settings name; every other one has that name with a
digest of the space behind it. Who has the first index keeps it, whatever the settings say later.
"""

import asyncio
import hashlib
import re
from collections.abc import Collection
from typing import Any, Final

from pinecone import AsyncPinecone, ConflictError, NotFoundError
from pinecone.async_client.async_index import AsyncIndex
from pinecone.models.indexes.index import IndexModel
from pinecone.models.indexes.schema import DenseVectorField

from adapters.vectors.index import EmbeddingSpace, VectorIndexError

FIELD: Final = "embedding"
MAX_NAME_LENGTH: Final = 45
"""Characters of an index's name: Pinecone, "Database limits"."""
CREATE_SECONDS: Final = 240

_DIGEST_LENGTH: Final = 10
_MODEL_TAG: Final = "embedding_model"
_MAX_TAG_LENGTH: Final = 120
_NOT_IN_TAGS: Final = re.compile(r"[^A-Za-z0-9;@_.+ -]")
"""Characters that Pinecone takes in no tag's value, such as the `/` of many models' names."""


class PineconeIndexes:
    """Opens an index when it is first asked for; the errors of the SDK pass through."""

    def __init__(
        self, client: AsyncPinecone, *, name: str, default_model: str, cloud: str, region: str
    ) -> None:
        """
        Args:
            client: closed by its owner.
            name: of the first index.
            default_model: the platform's own, whose first space gets that index.
            cloud: where indexes are made.
            region: where indexes are made.
        """
        self._client = client
        self._name = name
        self._default_model = default_model
        self._deployment = {"deployment_type": "managed", "cloud": cloud, "region": region}
        self._opening = asyncio.Lock()
        self._opened: dict[str, AsyncIndex] = {}
        self._names: dict[EmbeddingSpace, str] = {}

    async def close(self) -> None:
        for index in self._opened.values():
            await index.close()
        self._opened.clear()
        self._names.clear()

    async def of(self, space: EmbeddingSpace, *, make: bool = False) -> AsyncIndex | None:
        """The space's index; `None` when it does not exist and shall not be made."""
        async with self._opening:
            if space in self._names:
                return self._opened[self._names[space]]
            model = await self._find(space)
            if model is None and make:
                model = await self._make(space)
            if model is None:
                return None
            index = await self._open(model)
            self._names[space] = model.name
            return index

    async def all(self, *, but: Collection[EmbeddingSpace] = ()) -> list[AsyncIndex]:
        """Every index there is now, without those of the named spaces."""
        async with self._opening:
            ours = [
                model
                async for model in self._client.indexes.list()
                if self._is_ours(model) and not any(self._holds(model, space) for space in but)
            ]
            return [await self._open(model) for model in ours]

    async def _find(self, space: EmbeddingSpace) -> IndexModel | None:
        first = await self._describe(self._name)
        if first is not None and self._holds(first, space):
            return first
        return await self._describe(self._derived_name(space))

    async def _make(self, space: EmbeddingSpace) -> IndexModel:
        if space.model == self._default_model and await self._describe(self._name) is None:
            model = await self._create(self._name, space)
            # Another process may have been faster, with another space.
            if self._holds(model, space):
                return model
        return await self._create(self._derived_name(space), space)

    async def _create(self, name: str, space: EmbeddingSpace) -> IndexModel:
        field = {"type": "dense_vector", "dimension": space.dimension, "metric": "cosine"}
        try:
            return await self._client.indexes.create(
                name=name,
                schema={"fields": {FIELD: field}},
                deployment=self._deployment,
                tags={_MODEL_TAG: _tag(space.model)},
                timeout=CREATE_SECONDS,
            )
        except ConflictError:
            return await self._client.indexes.describe(name)

    async def _describe(self, name: str) -> IndexModel | None:
        try:
            return await self._client.indexes.describe(name)
        except NotFoundError:
            return None

    async def _open(self, model: IndexModel) -> AsyncIndex:
        if model.name not in self._opened:
            if not model.status.ready or model.host is None:
                raise VectorIndexError(
                    f"The Pinecone index {model.name} is not ready yet.",
                    retryable=True,
                    retry_after=5,
                )
            self._opened[model.name] = await self._client.index(host=model.host)
        return self._opened[model.name]

    def _holds(self, model: IndexModel, space: EmbeddingSpace) -> bool:
        if _dimension_of(model) != space.dimension:
            return False
        if model.name != self._name:
            return model.name == self._derived_name(space)
        made_for = (model.tags or {}).get(_MODEL_TAG, _tag(self._default_model))
        return made_for == _tag(space.model)

    def _is_ours(self, model: IndexModel) -> bool:
        derived = re.fullmatch(
            rf"{re.escape(self._prefix)}-[0-9a-f]{{{_DIGEST_LENGTH}}}", model.name
        )
        return model.name == self._name or derived is not None

    def _derived_name(self, space: EmbeddingSpace) -> str:
        digest = hashlib.sha256(f"{space.dimension}/{space.model}".encode()).hexdigest()
        return f"{self._prefix}-{digest[:_DIGEST_LENGTH]}"

    @property
    def _prefix(self) -> str:
        return self._name[: MAX_NAME_LENGTH - _DIGEST_LENGTH - 1].rstrip("-")


def _tag(model: str) -> str:
    return _NOT_IN_TAGS.sub("_", model)[:_MAX_TAG_LENGTH]


def _dimension_of(model: IndexModel) -> int:
    field: Any = model.schema.fields.get(FIELD)
    if not isinstance(field, DenseVectorField):
        raise VectorIndexError(
            f"The Pinecone index {model.name} was made for something else: "
            "set PINECONE_INDEX to another name.",
            retryable=False,
        )
    return field.dimension
