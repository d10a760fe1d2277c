"""What goes in and out of the ingestion of a document."""

from datetime import datetime
from typing import Literal

from contracts.ids import DocumentId, KnowledgeBaseId, OrganizationId
from contracts.model import Contract

DocumentStatus = Literal["pending", "processing", "ready", "failed"]
IngestionStage = Literal["fetching", "parsing", "chunking", "embedding", "switching_on"]
"""What is being done to a document, in this order."""


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
    replaced_sha256: str | None = None
    """Digest of the content that is searched until this one is; its file goes then."""


class EmbedPassages(Contract):
    """Embed the passages `start <= position < end` of a version."""

    document: IngestDocument
    version: int
    start: int
    end: int
    passage_count: int
    done: int = 0
    """Passages of the version that certainly had their vectors when this was asked for."""


class EmbeddingTurn(Contract):
    """It is not the organisation's turn at the model provider: ask again at `at`."""

    at: datetime


class ActivateVersion(Contract):
    """Switch a complete version on in one step and remove the others."""

    document: IngestDocument
    version: int
    passage_count: int
    content_sha256: str
    replaced_sha256: str | None = None


class ActivatedVersion(Contract):
    is_current: bool
    """No other content was uploaded meanwhile."""


class FailedDocument(Contract):
    document: IngestDocument
    error: str
    """A sentence that a person can act on."""
