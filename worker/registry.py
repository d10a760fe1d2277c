"""Which worker runs what: workflows and activities by task queue."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from activities.conversation import ConversationActivities
from activities.desk import DeskActivities
from activities.erasure import ErasureActivities
from activities.ingestion import IngestionActivities
from activities.media import MediaActivities
from activities.memory import MemoryActivities
from activities.reembedding import ReembeddingActivities
from activities.replying import ReplyActivities
from activities.retrieval import RetrievalActivities
from activities.sending import SendingActivities
from activities.source_schedules import SourceScheduleActivities
from activities.sources import SourceActivities
from activities.usage import UsageActivities
from activities.webhooks import WebhookActivities
from contracts import names
from workflows.conversation import ConversationWorkflow
from workflows.deliver_webhooks import WebhookDeliveriesWorkflow
from workflows.erase import EraseWorkflow
from workflows.ingest_document import IngestDocumentWorkflow
from workflows.reconcile_schedules import ReconcileSchedulesWorkflow
from workflows.reembed_knowledge_base import ReembedKnowledgeBaseWorkflow
from workflows.replay_webhooks import ReplayWebhooksWorkflow
from workflows.roll_up_usage import RollUpUsageWorkflow
from workflows.sync_source import SyncSourceWorkflow

INGESTION_STEPS: Final = max(1, (os.cpu_count() or 1) // 2)
"""At a time. More of them take the processor from the replies of the same machine: on two cores
three are half as fast again, and a reply takes half as long again (`python -m bench.ingestion`)."""


@dataclass(frozen=True)
class Registration:
    """What one worker polls for."""

    task_queue: str
    workflows: Sequence[type]
    activities: Sequence[Callable[..., Any]]
    max_concurrent_activities: int
    max_concurrent_workflow_tasks: int = 4
    """Few. They need a processor, and so they wait in the queue, where organisations take turns,
    rather than in this process, where they would not."""
    people_wait: bool = False
    """Whether its activities are steps towards a reply."""
    gives_way: bool = False
    """Whether its activities begin in the pauses of those (`worker.giving_way`)."""


@dataclass(frozen=True)
class Activities:
    """The side effects, with their adapters inside."""

    conversation: ConversationActivities
    desk: DeskActivities
    media: MediaActivities
    retrieval: RetrievalActivities
    reply: ReplyActivities
    memory: MemoryActivities
    sending: SendingActivities
    ingestion: IngestionActivities
    reembedding: ReembeddingActivities
    erasure: ErasureActivities
    usage: UsageActivities
    webhooks: WebhookActivities
    sources: SourceActivities
    source_schedules: SourceScheduleActivities


def registrations(activities: Activities) -> list[Registration]:
    """The quick activities share the workflows' queue, so that the worker starts them eagerly."""
    return [
        *(
            Registration(
                queue,
                workflows=[ConversationWorkflow],
                activities=[
                    activities.conversation.record_inbound,
                    activities.desk.change_status,
                    activities.desk.record_echo,
                    activities.desk.withdraw_part,
                    activities.desk.close_conversation,
                    activities.retrieval.retrieve_passages,
                    activities.reply.draft_canned_reply,
                    activities.sending.settle_uncertain_send,
                ],
                max_concurrent_activities=25,
                people_wait=True,
            )
            for queue in names.CONVERSATIONS_QUEUES
        ),
        Registration(
            names.LLM_QUEUE,
            workflows=[],
            activities=[
                activities.reply.write_reply,
                activities.reply.generate_reply,
                activities.memory.refresh_memory,
            ],
            max_concurrent_activities=64,
            people_wait=True,
        ),
        Registration(
            names.WHATSAPP_QUEUE,
            workflows=[],
            activities=[activities.sending.send_part, activities.sending.mark_read],
            max_concurrent_activities=32,
            people_wait=True,
        ),
        Registration(
            names.MEDIA_QUEUE,
            workflows=[],
            activities=[activities.media.fetch_media],
            # Of each, four files at a time: a document of 32 MB is in memory while it is parsed.
            max_concurrent_activities=16,
            people_wait=True,
        ),
        Registration(
            names.INGESTION_QUEUE,
            workflows=[IngestDocumentWorkflow, ReembedKnowledgeBaseWorkflow],
            activities=[
                activities.ingestion.chunk_document,
                activities.ingestion.embed_passages,
                activities.ingestion.activate_version,
                activities.ingestion.fail_document,
                activities.ingestion.discard_document,
                activities.reembedding.reembed_batch,
                activities.reembedding.switch_space,
                activities.reembedding.forget_spaces,
                activities.reembedding.fail_reembedding,
            ],
            max_concurrent_activities=INGESTION_STEPS,
            gives_way=True,
        ),
        Registration(
            names.SOURCES_QUEUE,
            workflows=[SyncSourceWorkflow, ReconcileSchedulesWorkflow],
            activities=[
                activities.sources.begin_sync,
                activities.sources.list_source,
                activities.sources.sync_batch,
                activities.sources.remove_vanished,
                activities.sources.finish_sync,
                activities.source_schedules.reconcile_schedules_page,
                activities.source_schedules.delete_orphaned_schedules,
            ],
            # They wait for others' servers. A page of HTML is in memory while it is read.
            max_concurrent_activities=16,
        ),
        Registration(
            names.ERASURE_QUEUE,
            workflows=[EraseWorkflow],
            activities=[
                activities.erasure.begin_erasure,
                activities.erasure.end_workflows,
                activities.erasure.erase_histories,
                activities.erasure.erase_files,
                activities.erasure.erase_vectors,
                activities.erasure.erase_items,
                activities.erasure.erase_rows,
                activities.erasure.finish_erasure,
            ],
            max_concurrent_activities=8,
        ),
        Registration(
            names.USAGE_QUEUE,
            workflows=[RollUpUsageWorkflow],
            activities=[activities.usage.roll_up_usage_page],
            max_concurrent_activities=1,
        ),
        Registration(
            names.WEBHOOKS_QUEUE,
            workflows=[WebhookDeliveriesWorkflow, ReplayWebhooksWorkflow],
            activities=[
                activities.webhooks.deliver_webhook,
                activities.webhooks.bury_event,
                activities.webhooks.replay_webhooks_page,
            ],
            max_concurrent_activities=200,
        ),
    ]
