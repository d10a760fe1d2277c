"""What goes in and out of the ingestion of a document."""

from typing import Literal

from contracts.ids import DocumentId, KnowledgeBaseId, OrganizationId
from contracts.model import Contract

DocumentStatus = Literal["pending", "processing", "ready", "failed"]


class IngestDocument(Contract):
    """Input of the workflow `IngestDocument`, and of each of its activities."""

    organization_id: OrganizationId
    knowledge_base_id: KnowledgeBaseId
    document_id: DocumentId


class ChunkedDocument(Contract):
    """A document's passages are stored under `version`, not yet searched."""

    version: int
    passage_count: int
    content_sha256: str
    """Digest of the content that the version was made of."""
    unchanged: bool = False
    """Same content as the version that is searched now: there is nothing to embed."""


class EmbedPassages(Contract):
    """Embed the passages `start <= position < end` of a version."""

    document: IngestDocument
    version: int
    start: int
    end: int
    passage_count: int


class ActivateVersion(Contract):
    """Switch a complete version on in one step and remove the others."""

    document: IngestDocument
    version: int
    passage_count: int
    content_sha256: str


class FailedDocument(Contract):
    document: IngestDocument
    error: str
    """A sentence that a person can act on."""
