"""Signatures of the activities that workflows call, without the code behind them.

A workflow that calls these is type-checked and pulls no I/O library into Temporal's sandbox.
`activities/` registers an implementation for each, under the same name; a test compares the two.
"""

from temporalio import activity

from contracts.conversation import (
    CannedReply,
    ChangedStatus,
    ChangeStatus,
    DraftedReply,
    FetchedMedia,
    FetchMedia,
    GenerateReply,
    MarkRead,
    RecordEcho,
    RecordedInbound,
    RecordInbound,
    RefreshedMemory,
    RefreshMemory,
    RetrievedPassages,
    SendPart,
    SentPart,
    SettleUncertain,
    Turn,
    UncertainDecision,
    WithdrawPart,
    WriteReply,
)
from contracts.embedding import FailedReembedding, ReembeddedBatch, ReembedKnowledgeBase
from contracts.erasure import Erase
from contracts.ingestion import (
    ActivatedVersion,
    ActivateVersion,
    ChunkedDocument,
    EmbeddingTurn,
    EmbedPassages,
    FailedDocument,
    IngestDocument,
)
from contracts.sources import (
    BeginSync,
    FinishedSync,
    FinishSync,
    ReconciledPage,
    ReconcilePage,
    RemovedVanished,
    SyncBatch,
    SyncedBatch,
    SyncProgress,
    SyncRef,
)
from contracts.usage import RolledUpPage, RollUpPage
from contracts.webhooks import (
    BuryEvent,
    DeliveredWebhook,
    DeliverWebhook,
    ReplayedPage,
    ReplayPage,
)


@activity.defn(name="record_inbound")
async def record_inbound(request: RecordInbound) -> RecordedInbound:
    """Write messages into the transcript; tell which of them no earlier turn has had."""
    raise NotImplementedError


@activity.defn(name="mark_read")
async def mark_read(request: MarkRead) -> None:
    """Show the person that their message was read and an answer is being written."""
    raise NotImplementedError


@activity.defn(name="fetch_media")
async def fetch_media(request: FetchMedia) -> FetchedMedia:
    """Fetch, store and read the files of a turn's messages; what is done is not done again."""
    raise NotImplementedError


@activity.defn(name="retrieve_passages")
async def retrieve_passages(turn: Turn) -> RetrievedPassages:
    """Find the passages of the assistant's knowledge bases that may answer the turn, best first."""
    raise NotImplementedError


@activity.defn(name="generate_reply")
async def generate_reply(request: GenerateReply) -> DraftedReply:
    """Have the model write the reply and keep it as the draft of the turn."""
    raise NotImplementedError


@activity.defn(name="write_reply")
async def write_reply(request: WriteReply) -> DraftedReply:
    """Look up what may answer the turn, have the model write the reply, keep it as a draft."""
    raise NotImplementedError


@activity.defn(name="refresh_memory")
async def refresh_memory(request: RefreshMemory) -> RefreshedMemory:
    """Bring the summary of a conversation, and what is known of the person, up to date."""
    raise NotImplementedError


@activity.defn(name="draft_canned_reply")
async def draft_canned_reply(request: CannedReply) -> DraftedReply:
    """Keep one of the assistant's prepared texts as the draft of the turn."""
    raise NotImplementedError


@activity.defn(name="send_part")
async def send_part(request: SendPart) -> SentPart:
    """Send one part of the draft at most once; say so when its fate is uncertain."""
    raise NotImplementedError


@activity.defn(name="settle_uncertain_send")
async def settle_uncertain_send(request: SettleUncertain) -> UncertainDecision:
    """Decide by policy what becomes of a send whose fate no webhook has told."""
    raise NotImplementedError


@activity.defn(name="withdraw_part")
async def withdraw_part(request: WithdrawPart) -> None:
    """Give up a part that Meta has not got: a human has taken over."""
    raise NotImplementedError


@activity.defn(name="change_status")
async def change_status(request: ChangeStatus) -> ChangedStatus:
    """Note who has the conversation; tell when the assistant returns by itself."""
    raise NotImplementedError


@activity.defn(name="record_echo")
async def record_echo(request: RecordEcho) -> None:
    """Write a reply typed in the WhatsApp Business app into the transcript, once."""
    raise NotImplementedError


@activity.defn(name="close_conversation")
async def close_conversation(turn: Turn) -> None:
    """Note in the conversation's record that its service window has passed."""
    raise NotImplementedError


@activity.defn(name="chunk_document")
async def chunk_document(request: IngestDocument) -> ChunkedDocument:
    """Fetch, parse and cut a document into passages under a new version."""
    raise NotImplementedError


@activity.defn(name="embed_passages")
async def embed_passages(request: EmbedPassages) -> EmbeddingTurn | None:
    """Embed a batch of passages and write their vectors, or say when the organisation may."""
    raise NotImplementedError


@activity.defn(name="activate_version")
async def activate_version(request: ActivateVersion) -> ActivatedVersion | None:
    """Let searches find the new version, and only it."""
    raise NotImplementedError


@activity.defn(name="fail_document")
async def fail_document(request: FailedDocument) -> None:
    """Show the reason on the document. A version that was searched before still is."""
    raise NotImplementedError


@activity.defn(name="discard_document")
async def discard_document(request: IngestDocument) -> bool:
    """Remove what steps may have left of a document that was deleted; whether it was."""
    raise NotImplementedError


@activity.defn(name="reembed_batch")
async def reembed_batch(ref: ReembedKnowledgeBase) -> ReembeddedBatch:
    """Embed the next passages for the next model; return when its searches would see them."""
    raise NotImplementedError


@activity.defn(name="switch_space")
async def switch_space(ref: ReembedKnowledgeBase) -> bool:
    """Search the next space in place of the present one; False when something is left."""
    raise NotImplementedError


@activity.defn(name="forget_spaces")
async def forget_spaces(ref: ReembedKnowledgeBase) -> None:
    """Remove the vectors of every space that the knowledge base has left."""
    raise NotImplementedError


@activity.defn(name="fail_reembedding")
async def fail_reembedding(request: FailedReembedding) -> None:
    """Show the reason on the knowledge base, which goes on with the model that it has."""
    raise NotImplementedError


@activity.defn(name="begin_erasure")
async def begin_erasure(request: Erase) -> None:
    """Record the erasure and let nobody find its subject any more."""
    raise NotImplementedError


@activity.defn(name="end_workflows")
async def end_workflows(request: Erase) -> int:
    """Terminate the subject's workflows, until none is listed as open; how many."""
    raise NotImplementedError


@activity.defn(name="erase_histories")
async def erase_histories(request: Erase) -> int:
    """Remove the histories of the subject's workflows, until none is listed; how many."""
    raise NotImplementedError


@activity.defn(name="erase_files")
async def erase_files(request: Erase) -> int:
    """Remove the organisation's files, or those that the person has sent."""
    raise NotImplementedError


@activity.defn(name="erase_vectors")
async def erase_vectors(request: Erase) -> int:
    """Remove the organisation's vectors; 1 when there were any."""
    raise NotImplementedError


@activity.defn(name="erase_items")
async def erase_items(request: Erase) -> int:
    """Remove the subject's items from DynamoDB."""
    raise NotImplementedError


@activity.defn(name="erase_rows")
async def erase_rows(request: Erase) -> int:
    """Remove the subject's rows from PostgreSQL."""
    raise NotImplementedError


@activity.defn(name="finish_erasure")
async def finish_erasure(request: Erase) -> None:
    """Say that nothing is left."""


@activity.defn(name="roll_up_usage_page")
async def roll_up_usage_page(page: RollUpPage) -> RolledUpPage:
    """Roll up the next organisations that have something to; one that fails stops no other."""
    raise NotImplementedError


@activity.defn(name="deliver_webhook")
async def deliver_webhook(request: DeliverWebhook) -> DeliveredWebhook:
    """Tell an endpoint of one event, once more; fails as long as another try may help."""
    raise NotImplementedError


@activity.defn(name="bury_event")
async def bury_event(request: BuryEvent) -> None:
    """Keep an event that could not be delivered among the endpoint's dead letters."""
    raise NotImplementedError


@activity.defn(name="replay_webhooks_page")
async def replay_webhooks_page(page: ReplayPage) -> ReplayedPage:
    """Have the next events of the log delivered once more."""
    raise NotImplementedError


@activity.defn(name="begin_sync")
async def begin_sync(request: BeginSync) -> SyncProgress:
    """Open the run that somebody has asked for, or another one."""
    raise NotImplementedError


@activity.defn(name="list_source")
async def list_source(sync: SyncRef) -> SyncProgress:
    """Write down what the source has now, without fetching it."""
    raise NotImplementedError


@activity.defn(name="sync_batch")
async def sync_batch(request: SyncBatch) -> SyncedBatch:
    """Fetch some of the items and keep what is new; one that fails stops no other."""
    raise NotImplementedError


@activity.defn(name="remove_vanished")
async def remove_vanished(sync: SyncRef) -> RemovedVanished:
    """Remove some of the documents that the source has no more, if that is certain."""
    raise NotImplementedError


@activity.defn(name="finish_sync")
async def finish_sync(request: FinishSync) -> FinishedSync:
    """Write down how the run ended; doing it again changes nothing."""
    raise NotImplementedError


@activity.defn(name="reconcile_schedules_page")
async def reconcile_schedules_page(page: ReconcilePage) -> ReconciledPage:
    """Make and mend the schedules of the next sources."""
    raise NotImplementedError


@activity.defn(name="delete_orphaned_schedules")
async def delete_orphaned_schedules() -> int:
    """Delete the schedules whose source is no more; how many."""
    raise NotImplementedError
