"""Vectors in PostgreSQL, beside their passages and under the same row-level security.

Searches compare every vector of the knowledge bases: exact, and 10 ms for some thousand passages.
The column has no dimension, because that belongs to each knowledge base's model.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from sqlalchemy import ColumnElement, delete, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from adapters.postgres.database import Database
from adapters.postgres.tables import Passage, PassageEmbedding
from adapters.vectors.index import DocumentVersion, PassageVector, VectorIndexError, WriteToken
from contracts.ids import DocumentId, KnowledgeBaseId, OrganizationId, PassageId

CHUNK: Final = 1000
"""Vectors that one transaction removes."""

# The query vectors are cast once: a cast in the inner query would be parsed for every row.
_SEARCH = text("""
WITH query AS MATERIALIZED (
  SELECT number, CAST(value AS vector) AS vector
  FROM unnest(CAST(:vectors AS text[])) WITH ORDINALITY AS given (value, number)
)
SELECT query.number, hit.passage_id, 1 - hit.distance AS score
FROM query CROSS JOIN LATERAL (
  SELECT embedding.passage_id, embedding.embedding <=> query.vector AS distance
  FROM passage_embeddings AS embedding
  JOIN passages AS passage ON passage.id = embedding.passage_id
  JOIN documents AS document
    ON document.id = passage.document_id AND document.active_version = passage.version
  WHERE embedding.knowledge_base_id = ANY(CAST(:knowledge_base_ids AS text[]))
    AND embedding.model = :model
  ORDER BY distance, embedding.passage_id
  LIMIT :limit
) AS hit
ORDER BY query.number, hit.distance, hit.passage_id
""")


class PgVectorIndex:
    """`VectorIndex` on the table `passage_embeddings`. Writes are visible when they return."""

    def __init__(self, database: Database, *, model: str) -> None:
        self._database = database
        self._model = model

    async def upsert(self, version: DocumentVersion, vectors: Sequence[PassageVector]) -> None:
        if not vectors:
            return
        statement = insert(PassageEmbedding)
        statement = statement.on_conflict_do_update(
            index_elements=[col(PassageEmbedding.passage_id)],
            set_={"embedding": statement.excluded.embedding, "model": statement.excluded.model},
        )
        rows = [
            {
                "passage_id": vector.passage_id,
                "organization_id": version.organization_id,
                "knowledge_base_id": version.knowledge_base_id,
                "model": self._model,
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

    async def wait_visible(self, organization_id: OrganizationId, *, token: WriteToken) -> None:
        """Nothing to wait for."""

    async def search(
        self,
        organization_id: OrganizationId,
        *,
        knowledge_base_ids: Collection[KnowledgeBaseId],
        vectors: Sequence[Sequence[float]],
        limit: int,
        hidden: Collection[tuple[DocumentId, int]] = (),  # noqa: ARG002 - the join knows better
    ) -> list[Mapping[PassageId, float]]:
        hits: list[dict[PassageId, float]] = [{} for _ in vectors]
        if not vectors or not knowledge_base_ids:
            return list(hits)
        async with self._database.tenant(organization_id) as session:
            connection = await session.connection()
            rows = await connection.execute(
                _SEARCH,
                {
                    "vectors": [str(list(vector)) for vector in vectors],
                    "knowledge_base_ids": list(knowledge_base_ids),
                    "model": self._model,
                    "limit": limit,
                },
            )
            for number, passage_id, score in rows:
                hits[number - 1][passage_id] = score
        return list(hits)

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
        self, organization_id: OrganizationId, *, knowledge_base_id: KnowledgeBaseId
    ) -> None:
        await self._delete(
            organization_id, col(PassageEmbedding.knowledge_base_id) == knowledge_base_id
        )

    async def delete_organization(self, organization_id: OrganizationId) -> bool:
        found = False
        chunk = select(PassageEmbedding.passage_id).limit(CHUNK)
        while await self._delete(organization_id, col(PassageEmbedding.passage_id).in_(chunk)):
            found = True
        return found

    async def _delete(self, organization_id: OrganizationId, which: ColumnElement[bool]) -> int:
        async with self._database.tenant(organization_id) as session:
            return (await session.exec(delete(PassageEmbedding).where(which))).rowcount
