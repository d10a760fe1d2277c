"""Reading passages: by words, and by id. Only versions that are switched on, only of one tenant."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from adapters.postgres.database import Database
from contracts.embedding import EmbeddingModel
from contracts.ids import DocumentId, KnowledgeBaseId, OrganizationId, PassageId

MAX_HIDDEN_VERSIONS: Final = 1000
"""Keeps a filter small while a whole source is ingested; what it misses is dropped on reading."""


@dataclass(frozen=True, slots=True)
class StoredPassage:
    """A passage as it may be shown."""

    passage_id: PassageId
    knowledge_base_id: KnowledgeBaseId
    document_id: DocumentId
    title: str
    heading: str | None
    text: str
    page: int | None
    position: int
    start_offset: int = 0
    """Where it stands in the document's text, in characters."""
    end_offset: int = 0
    url: str | None = None
    """Where a person can open the document."""


@dataclass(frozen=True, slots=True)
class SearchedKnowledgeBase:
    knowledge_base_id: KnowledgeBaseId
    embedding_model: str
    requested_dimension: int | None
    embedding_dimension: int | None

    @property
    def model(self) -> EmbeddingModel:
        """What its vectors are made with."""
        return EmbeddingModel(name=self.embedding_model, dimensions=self.requested_dimension)


@dataclass(frozen=True, slots=True)
class LexicalResult:
    """What PostgreSQL alone knows of a search."""

    knowledge_bases: list[SearchedKnowledgeBase]
    """Those of the asked ones that exist and belong to the tenant."""
    ranks: list[dict[PassageId, float]]
    """For each query, the passages that share a word with it and their text rank."""
    hidden: list[tuple[DocumentId, int]]
    """Versions that are stored but not switched on."""


# A language that PostgreSQL does not have is searched word by word, as it was ingested.
TEXT_SEARCH_CONFIGURATION: Final = """coalesce(
  (SELECT oid FROM pg_ts_config WHERE cfgname = knowledge_base.language LIMIT 1)::regconfig,
  'simple'::regconfig)"""

# Words are joined by OR: a question rarely has all of its words in one passage. `ts_rank` with
# normalisation 1 (divided by 1 + log of the length) came closest to BM25 on XQuAD.
_LEXICAL = text(f"""
WITH query AS MATERIALIZED (
  SELECT given.number, knowledge_base.id AS knowledge_base_id,
    CAST(replace(
      CAST(plainto_tsquery({TEXT_SEARCH_CONFIGURATION}, given.value) AS text), ' & ', ' | '
    ) AS tsquery) AS words
  FROM knowledge_bases AS knowledge_base
  CROSS JOIN unnest(CAST(:queries AS text[])) WITH ORDINALITY AS given (value, number)
  WHERE knowledge_base.organization_id = :organization_id
    AND knowledge_base.id = ANY(CAST(:knowledge_base_ids AS text[]))
)
SELECT query.number, hit.id, hit.rank
FROM query CROSS JOIN LATERAL (
  SELECT passage.id, ts_rank(passage.search_vector, query.words, 1) AS rank
  FROM passages AS passage
  JOIN documents AS document
    ON document.id = passage.document_id AND document.active_version = passage.version
  WHERE passage.organization_id = :organization_id
    AND passage.knowledge_base_id = query.knowledge_base_id
    AND passage.search_vector @@ query.words
  ORDER BY rank DESC, passage.id
  LIMIT :limit
) AS hit
ORDER BY query.number, hit.rank DESC, hit.id
""")  # noqa: S608 - the interpolated text is the constant above

_KNOWLEDGE_BASES = text("""
SELECT id, embedding_model, requested_dimension, embedding_dimension FROM knowledge_bases
WHERE id = ANY(CAST(:knowledge_base_ids AS text[]))
""")

_HIDDEN = text("""
SELECT document.id, version
FROM documents AS document
CROSS JOIN LATERAL generate_series(
  coalesce(document.active_version, 0) + 1, document.next_version - 1) AS version
WHERE document.knowledge_base_id = ANY(CAST(:knowledge_base_ids AS text[]))
  AND document.next_version - 1 > coalesce(document.active_version, 0)
ORDER BY document.updated_at DESC, version DESC
LIMIT :limit
""")

_BY_ID = text("""
SELECT passage.id, passage.knowledge_base_id, passage.document_id, document.title,
  passage.heading, passage.text, passage.page, passage.position,
  passage.start_offset, passage.end_offset, document.url
FROM passages AS passage
JOIN documents AS document
  ON document.id = passage.document_id AND document.active_version = passage.version
WHERE passage.id = ANY(CAST(:passage_ids AS text[]))
""")


class Passages:
    """Passages of versions that are switched on."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def search_words(
        self,
        organization_id: OrganizationId,
        *,
        knowledge_base_ids: Collection[KnowledgeBaseId],
        queries: Sequence[str],
        limit: int,
    ) -> LexicalResult:
        """Full-text search in each knowledge base's language; `limit` hits for each query."""
        scope = {"knowledge_base_ids": list(knowledge_base_ids)}
        async with self._database.tenant(organization_id) as session:
            connection = await session.connection()
            bases = (await connection.execute(_KNOWLEDGE_BASES, scope)).all()
            hidden = await connection.execute(_HIDDEN, {**scope, "limit": MAX_HIDDEN_VERSIONS})
        # Under row-level security no index serves `@@`, which is not leakproof: 60,000 passages
        # took 500 ms instead of 15. So the platform finds candidates, in knowledge bases that were
        # just seen to be the tenant's, and only ids leave: what is shown is read by `by_id`.
        async with self._database.platform() as session:
            connection = await session.connection()
            found = await connection.execute(
                _LEXICAL,
                {
                    "organization_id": organization_id,
                    "knowledge_base_ids": [row[0] for row in bases],
                    "queries": list(queries),
                    "limit": limit,
                },
            )
        ranks: list[dict[PassageId, float]] = [{} for _ in queries]
        for number, passage_id, rank in found:
            ranks[number - 1][passage_id] = rank
        return LexicalResult(
            knowledge_bases=[SearchedKnowledgeBase(*row) for row in bases],
            ranks=ranks,
            hidden=[(document_id, version) for document_id, version in hidden],
        )

    async def by_id(
        self, organization_id: OrganizationId, *, passage_ids: Collection[PassageId]
    ) -> dict[PassageId, StoredPassage]:
        """The passages among these that the organisation has and that are switched on."""
        if not passage_ids:
            return {}
        async with self._database.tenant(organization_id) as session:
            connection = await session.connection()
            rows = await connection.execute(_BY_ID, {"passage_ids": list(passage_ids)})
        return {row[0]: StoredPassage(*row) for row in rows}
