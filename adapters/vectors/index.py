"""Where vectors are kept and searched, whatever the engine."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NewType, Protocol

from contracts.ids import DocumentId, KnowledgeBaseId, OrganizationId, PassageId

WriteToken = NewType("WriteToken", str)
"""Names a write, to wait for it. Opaque."""


class VectorIndexError(Exception):
    """The engine could not do it. Its text is one sentence for a person.

    Attributes:
        retryable: the same call may succeed later.
        retry_after: seconds that the engine asked to wait, if it did.
    """

    def __init__(self, sentence: str, *, retryable: bool, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.retryable = retryable
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class EmbeddingSpace:
    """What makes vectors comparable: those of one model and one size are, no others."""

    model: str
    dimension: int


@dataclass(frozen=True, slots=True)
class DocumentVersion:
    """One version of a document, with all that scopes it."""

    organization_id: OrganizationId
    knowledge_base_id: KnowledgeBaseId
    document_id: DocumentId
    version: int


@dataclass(frozen=True, slots=True)
class PassageVector:
    """The vector of a part of a passage."""

    passage_id: PassageId
    position: int
    """Of the passage in its document."""
    vector: Sequence[float]
    part: int = 0
    """Which of the passage's parts, from 0."""


class VectorIndex(Protocol):
    """Vectors of any number of spaces, which never meet in a search.

    Every call names its organisation, which the caller knows from a key or a channel and never from
    a text. Hits are hints: a caller reads each passage again in PostgreSQL, under row-level
    security, before it shows it.
    """

    async def upsert(
        self,
        version: DocumentVersion,
        vectors: Sequence[PassageVector],
        *,
        space: EmbeddingSpace,
    ) -> WriteToken | None:
        """Write vectors; the same again change nothing. A token while they are not yet visible.

        Each part of a passage has one vector in each space. Tokens of one organisation and space
        are in order: when a write is visible, so are those before it.
        """
        ...

    async def wait_visible(
        self, organization_id: OrganizationId, *, space: EmbeddingSpace, token: WriteToken
    ) -> None:
        """Return when searches see the write; a retryable error when that takes too long."""
        ...

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
        """For each vector the nearest passages with the cosine of their nearest part, nearest
        first.

        Args:
            organization_id: only its passages are searched.
            space: of the vectors; only passages that have one in it are found.
            knowledge_base_ids: only passages of these; none of them, no hits.
            vectors: of the questions.
            limit: hits for each vector at the most.
            hidden: versions that are being ingested, as PostgreSQL knows them. An engine that knows
                for itself which versions are switched on need not look at it.
        """
        ...

    async def delete_older_versions(self, version: DocumentVersion) -> None:
        """Forget, in every space, the versions before this one. A later one may be on its way
        already and stays."""
        ...

    async def delete_document(
        self, organization_id: OrganizationId, *, document_id: DocumentId
    ) -> None:
        """Forget it in every space."""
        ...

    async def delete_knowledge_base(
        self,
        organization_id: OrganizationId,
        *,
        knowledge_base_id: KnowledgeBaseId,
        but: Collection[EmbeddingSpace] = (),
    ) -> None:
        """Forget its vectors in every space, or in every one but these."""
        ...

    async def delete_organization(self, organization_id: OrganizationId) -> bool:
        """Forget all of its vectors; whether there were any."""
        ...
