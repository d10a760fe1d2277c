"""Vectors in PostgreSQL, beside their passages and under the same row-level security.

Few vectors are compared one by one, which is exact; of many, an HNSW index finds the nearest. Which
is which was measured (`python -m bench.vectors`): see `pays_off`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, TextClause, and_, delete, or_, text, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col, select

from adapters.postgres.database import Database
from adapters.postgres.tables import INDEXED_DIMENSIONS, Passage, PassageEmbedding
from adapters.vectors.index import (
    DocumentVersion,
    EmbeddingSpace,
    PassageVector,
    VectorIndexError,
    WriteToken,
)
from contracts.ids import DocumentId, KnowledgeBaseId, OrganizationId, PassageId

CHUNK: Final = 1000
"""Vectors that one transaction removes."""

WIDER: Final = 8
"""Times as many vectors as passages are asked for are looked at: some are of the same passage, and
some may be of versions that are not searched."""
WIDEST: Final = 100_000
PARTS: Final = 4
"""Vectors of a passage, about, as the demo's documents have them."""
FEWEST_INDEXED: Final = 5_000
"""Fewer vectors are compared one by one within 20 ms, and none is missed."""
WORTH: Final = 1_500
"""See `pays_off`."""
MOST_REMEMBERED: Final = 1000
"""The largest `hnsw.ef_search` that there is."""

# The nearest first and what they belong to after: joined before, each vector cost four times as
# much. The query vectors are cast once: in the inner query they would be parsed for every row.
_SEARCH = text("""
WITH query AS MATERIALIZED (
  SELECT number, CAST(value AS {kind}) AS vector
  FROM unnest(CAST(:vectors AS text[])) WITH ORDINALITY AS given (value, number)
), nearest AS MATERIALIZED (
  SELECT query.number, hit.passage_id, hit.distance
  FROM query CROSS JOIN LATERAL (
    SELECT embedding.passage_id, {operand} <=> query.vector AS distance
    FROM passage_embeddings AS embedding
    WHERE embedding.knowledge_base_id = ANY(CAST(:knowledge_base_ids AS text[]))
      AND embedding.model = :model
      AND embedding.dimension = {dimension}
    ORDER BY distance
    LIMIT :window
  ) AS hit
)
SELECT nearest.number, nearest.passage_id, 1 - nearest.distance AS score,
  document.id IS NOT NULL AS is_searched
FROM nearest
LEFT JOIN passages AS passage ON passage.id = nearest.passage_id
LEFT JOIN documents AS document
  ON document.id = passage.document_id AND document.active_version = passage.version
ORDER BY nearest.number, nearest.distance, nearest.passage_id
""")

_SIZES = text("""
SELECT
  (SELECT coalesce(sum(chunk_count), 0) FROM documents
   WHERE knowledge_base_id = ANY(CAST(:knowledge_base_ids AS text[]))) AS own,
  (SELECT coalesce(max(reltuples), 0) FROM pg_class WHERE relname = :index) AS all_of_them
""")

_SIZE = text("""
SELECT count(*) FROM passage_embeddings
WHERE knowledge_base_id = ANY(CAST(:knowledge_base_ids AS text[]))
  AND model = :model AND dimension = :dimension
""")

# Without them the planner believes that sorting everything is cheaper.
_BY_INDEX = text("""
SELECT set_config('enable_sort', 'off', true), set_config('enable_bitmapscan', 'off', true),
  set_config('enable_seqscan', 'off', true),
  set_config('hnsw.iterative_scan', 'strict_order', true),
  set_config('hnsw.ef_search', :remembered, true)
""")


class PgVectorIndex:
    """`VectorIndex` on the table `passage_embeddings`. Writes are visible when they return."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def upsert(
        self,
        version: DocumentVersion,
        vectors: Sequence[PassageVector],
        *,
        space: EmbeddingSpace,
    ) -> None:
        if not vectors:
            return
        statement = insert(PassageEmbedding)
        statement = statement.on_conflict_do_update(
            index_elements=[
                col(PassageEmbedding.passage_id),
                col(PassageEmbedding.part),
                col(PassageEmbedding.model),
                col(PassageEmbedding.dimension),
            ],
            set_={"embedding": statement.excluded.embedding},
        )
        rows = [
            {
                "passage_id": vector.passage_id,
                "part": vector.part,
                "organization_id": version.organization_id,
                "knowledge_base_id": version.knowledge_base_id,
                "model": space.model,
                "embedding": list(vector.vector),
            }
            for vector in vectors
        ]
        try:
            async with self._database.tenant(version.organization_id) as session:
                connection = await session.connection()
                await connection.execute(statement, rows)
        except IntegrityError as error:
            raise VectorIndexError(
                "The passages were removed while they were being embedded.", retryable=True
            ) from error

    async def wait_visible(
        self, organization_id: OrganizationId, *, space: EmbeddingSpace, token: WriteToken
    ) -> None:
        """Nothing to wait for."""

    async def search(
        self,
        organization_id: OrganizationId,
        *,
        space: EmbeddingSpace,
        knowledge_base_ids: Collection[KnowledgeBaseId],
        vectors: Sequence[Sequence[float]],
        limit: int,
        hidden: Collection[tuple[DocumentId, int]] = (),  # noqa: ARG002 - the join knows better
    ) -> list[Mapping[PassageId, float]]:
        if not vectors or not knowledge_base_ids:
            return [{} for _ in vectors]
        scope = {"knowledge_base_ids": list(knowledge_base_ids)}
        async with self._database.tenant(organization_id) as session:
            connection = await session.connection()
            if await _index_pays_off(connection, space, scope):
                search = VectorSearch(space, scope, vectors, limit, indexed=True)
                hits = await search.hits(connection, window=WIDER * limit)
                if all(len(one) == limit for one in hits):
                    return list(hits)
        # One by one: there are few, or the index gave up before it had found enough.
        async with self._database.tenant(organization_id) as session:
            search = VectorSearch(space, scope, vectors, limit, indexed=False)
            return list(await search.all_hits(await session.connection()))

    async def delete_older_versions(self, version: DocumentVersion) -> None:
        older = select(Passage.id).where(
            Passage.document_id == version.document_id, Passage.version < version.version
        )
        await self._delete(version.organization_id, col(PassageEmbedding.passage_id).in_(older))

    async def delete_document(
        self, organization_id: OrganizationId, *, document_id: DocumentId
    ) -> None:
        passages = select(Passage.id).where(Passage.document_id == document_id)
        await self._delete(organization_id, col(PassageEmbedding.passage_id).in_(passages))

    async def delete_knowledge_base(
        self,
        organization_id: OrganizationId,
        *,
        knowledge_base_id: KnowledgeBaseId,
        but: Collection[EmbeddingSpace] = (),
    ) -> None:
        kept = [
            and_(
                col(PassageEmbedding.model) == space.model,
                col(PassageEmbedding.dimension) == space.dimension,
            )
            for space in but
        ]
        own = col(PassageEmbedding.knowledge_base_id) == knowledge_base_id
        await self._delete_all(organization_id, and_(own, ~or_(*kept)) if kept else own)

    async def delete_organization(self, organization_id: OrganizationId) -> bool:
        return await self._delete_all(
            organization_id, col(PassageEmbedding.organization_id) == organization_id
        )

    async def _delete_all(
        self, organization_id: OrganizationId, which: ColumnElement[bool]
    ) -> bool:
        """Chunk by chunk; whether there were any."""
        key = (
            col(PassageEmbedding.passage_id),
            col(PassageEmbedding.part),
            col(PassageEmbedding.model),
            col(PassageEmbedding.dimension),
        )
        chunk = select(*key).where(which).limit(CHUNK)
        found = False
        while await self._delete(organization_id, tuple_(*key).in_(chunk)):
            found = True
        return found

    async def _delete(self, organization_id: OrganizationId, which: ColumnElement[bool]) -> int:
        async with self._database.tenant(organization_id) as session:
            return (await session.exec(delete(PassageEmbedding).where(which))).rowcount


@dataclass(frozen=True, slots=True)
class VectorSearch:
    """One search of a tenant's vectors, in whatever transaction."""

    space: EmbeddingSpace
    scope: Mapping[str, list[KnowledgeBaseId]]
    vectors: Sequence[Sequence[float]]
    limit: int
    indexed: bool

    async def all_hits(self, connection: AsyncConnection) -> list[dict[PassageId, float]]:
        """As many as are asked for, however many there are of versions that are not searched."""
        window = WIDER * self.limit
        hits = await self.hits(connection, window=window)
        while window < WIDEST and any(len(one) < self.limit for one in hits):
            if window >= await self._size(connection):
                break
            window *= 8
            hits = await self.hits(connection, window=window)
        return hits

    async def hits(
        self, connection: AsyncConnection, *, window: int
    ) -> list[dict[PassageId, float]]:
        """Of the `window` nearest of each vector, the passages that are switched on."""
        if self.indexed:
            remembered = str(min(max(100, window), MOST_REMEMBERED))
            await connection.execute(_BY_INDEX, {"remembered": remembered})
        rows = await connection.execute(
            search_statement(self.space.dimension, indexed=self.indexed),
            {
                **self.scope,
                "vectors": [str(list(vector)) for vector in self.vectors],
                "model": self.space.model,
                "window": window,
            },
        )
        hits: list[dict[PassageId, float]] = [{} for _ in self.vectors]
        for number, passage_id, score, is_searched in rows:
            if is_searched and len(hits[number - 1]) < self.limit:
                # The nearest part comes first, and speaks for the passage.
                hits[number - 1].setdefault(passage_id, score)
        return hits

    async def _size(self, connection: AsyncConnection) -> int:
        scope = {**self.scope, "model": self.space.model, "dimension": self.space.dimension}
        size: int = (await connection.execute(_SIZE, scope)).scalar_one()
        return size


def search_statement(dimension: int, *, indexed: bool) -> TextClause:
    """The search of vectors of one size. Numbers stand in it, for a partial index is found by
    them."""
    kind, operand = "vector", "embedding.embedding"
    if indexed:
        kind = f"{INDEXED_DIMENSIONS[dimension]}({dimension:d})"
        operand = f"CAST(embedding.embedding AS {kind})"
    return text(_SEARCH.text.format(kind=kind, operand=operand, dimension=f"{dimension:d}"))


def pays_off(*, own: int, everybodys: int) -> bool:
    """Whether the index answers sooner than comparing each vector would.

    One by one costs what the tenant has; the index, which is everybody's, costs the more the
    smaller the tenant's share of it is, because the others' vectors are passed over. They cost the
    same where `own = WORTH / share`.
    """
    return own >= FEWEST_INDEXED and own * own > WORTH * max(own, everybodys)


async def _index_pays_off(
    connection: AsyncConnection, space: EmbeddingSpace, scope: Mapping[str, list[KnowledgeBaseId]]
) -> bool:
    if space.dimension not in INDEXED_DIMENSIONS:
        return False
    sizes = {**scope, "index": f"ix_passage_embeddings_hnsw_{space.dimension:d}"}
    own, everybodys = (await connection.execute(_SIZES, sizes)).one()
    return pays_off(own=PARTS * int(own), everybodys=int(everybodys))
