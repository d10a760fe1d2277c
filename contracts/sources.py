"""What goes in and out of the sync of a source. Histories hold ids and counts, never contents."""

from typing import Final, Literal

from contracts.ids import DocumentId, KnowledgeBaseId, OrganizationId, SourceId, SourceRunId
from contracts.model import Contract

BEHIND_UPLOADS: Final = 4
"""Priority of a sync and what it ingests: a person waits for what they have uploaded (3)."""

SourceType = Literal["text", "faq", "url", "sitemap", "crawl", "s3"]
SyncStatus = Literal["pending", "running", "succeeded", "partly", "failed"]
SyncTrigger = Literal["schedule", "manual"]
ItemOutcome = Literal[
    "pending", "added", "changed", "unchanged", "removed", "gone", "skipped", "failed"
]


class SourceRef(Contract):
    organization_id: OrganizationId
    knowledge_base_id: KnowledgeBaseId
    source_id: SourceId


class SyncProgress(Contract):
    """How far a sync has come; what one run of the workflow hands to the next."""

    run_id: SourceRunId
    next: int = 0
    """The first item that nobody has taken on."""
    total: int = 0
    parallel: int = 1
    """Batches that may be fetched at the same time."""
    fetched: int = 0


class SyncSource(Contract):
    """Input of the workflow `SyncSource`."""

    source: SourceRef
    progress: SyncProgress | None = None
    """None: it begins."""
    batches_per_run: int | None = None
    """Continue as new after so many batches; by default when Temporal suggests it."""


class BeginSync(Contract):
    source: SourceRef
    workflow_id: str
    """Without Temporal's own run: it stays the same when the workflow continues as new."""


class SyncRef(Contract):
    """One sync of a source."""

    source: SourceRef
    run_id: SourceRunId


class SyncBatch(Contract):
    """Fetch the items `start <= position < end`, those of them that are still to be fetched."""

    sync: SyncRef
    start: int
    end: int


class SyncedBatch(Contract):
    total: int
    """Items that the run knows of now: a crawl finds more on its way."""
    documents: tuple[DocumentId, ...]
    """To be ingested: new, changed, or not searchable since an earlier try."""


class RemovedVanished(Contract):
    removed: int
    more: bool
    """There is more to remove: ask again."""


class FinishSync(Contract):
    sync: SyncRef
    error: str | None = None
    """Why it could not go on, as a sentence; None: it came to its end."""


class FinishedSync(Contract):
    status: SyncStatus
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    failed: int = 0


class ReconcileSchedules(Contract):
    """Input of the workflow that compares sources with their schedules, page by page."""

    after: str = ""
    made: int = 0
    mended: int = 0
    deleted: int = 0


class ReconcilePage(Contract):
    after: str
    limit: int


class ReconciledPage(Contract):
    made: int
    mended: int
    next_after: str | None
    """Where the next page begins; None: this was the last one."""
