"""Every activity that a workflow may call is implemented as the workflow expects it."""

import inspect
from typing import Any, get_type_hints
from unittest.mock import Mock

from temporalio import activity, workflow

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
from contracts import activities as stubs
from contracts import names
from worker.registry import Activities, registrations


def made() -> Activities:
    """Nothing of them is called, so the adapters may be anything."""
    return Activities(
        conversation=ConversationActivities(
            conversations=Mock(), people=Mock(), database=Mock(), quotas=Mock(), profiles=Mock(),
            consents=Mock(),
        ),
        desk=DeskActivities(
            conversations=Mock(), outbox=Mock(), echoes=Mock(), profiles=Mock()
        ),
        media=MediaActivities(
            profiles=Mock(), messages=Mock(), downloads=Mock(), objects=Mock(), parser=Mock(),
            transcriptions=Mock(), quotas=Mock(), vision=True,
        ),
        retrieval=RetrievalActivities(Mock()),
        reply=ReplyActivities(
            profiles=Mock(), transcripts=Mock(), outbox=Mock(), retriever=Mock(), models=Mock(),
            pictures=Mock(), quotas=Mock(), lookup=Mock(), receipts=Mock(), memories=Mock(),
            answers=Mock(), unanswered=Mock(),
            default_model="", count_tokens=Mock(),
        ),
        memory=MemoryActivities(
            profiles=Mock(), conversations=Mock(), summaries=Mock(), outbox=Mock(),
            database=Mock(), models=Mock(), quotas=Mock(), default_model="", count_tokens=Mock(),
        ),
        sending=SendingActivities(
            profiles=Mock(), people=Mock(), outbox=Mock(), graph=Mock(), rates=Mock(),
            pauses=Mock(), failures=Mock(), metrics=Mock(), uncertain_seconds=1,
            uncertain_policy="leave",
        ),
        ingestion=IngestionActivities(
            Mock(), contents=Mock(), parser=Mock(), embedder=Mock(), index=Mock(),
            count_tokens=Mock(),
        ),
        reembedding=ReembeddingActivities(
            Mock(), embeddings=Mock(), index=Mock(), usage=Mock(), count_tokens=Mock()
        ),
        erasure=ErasureActivities(
            Mock(), database=Mock(), executions=Mock(), schedules=Mock(), objects=Mock(),
            index=Mock(), items=Mock(),
        ),
        sources=SourceActivities(
            Mock(), readers=Mock(), objects=Mock(), index=Mock(), schedules=Mock(),
            executions=Mock(),
        ),
        source_schedules=SourceScheduleActivities(Mock(), schedules=Mock()),
        usage=UsageActivities(Mock()),
        webhooks=WebhookActivities(
            database=Mock(), posts=Mock(), payloads=Mock(), deliveries=Mock(), buried=Mock(),
            log=Mock(), publisher=Mock(),
        ),
    )  # fmt: skip


def registered() -> dict[str, Any]:
    """Implementations by name."""
    implementations = [each for queue in registrations(made()) for each in queue.activities]
    return {_name(each): each for each in implementations}


def declared() -> dict[str, Any]:
    return {
        _name(stub): stub
        for stub in vars(stubs).values()
        if inspect.isfunction(stub) and stub.__module__ == stubs.__name__
    }


def _name(implementation: Any) -> str:
    definition = activity._Definition.must_from_callable(implementation)
    assert definition.name
    return definition.name


def test_stubs_and_implementations_are_the_same_set() -> None:
    assert set(registered()) == set(declared())


def test_an_implementation_takes_and_gives_what_its_stub_says() -> None:
    for name, stub in declared().items():
        assert get_type_hints(registered()[name]) == get_type_hints(stub), name


def test_every_workflow_is_registered_once_and_conversations_on_all_their_queues() -> None:
    queues = sorted(
        (str(workflow._Definition.must_from_class(each).name), queue.task_queue)
        for queue in registrations(Mock())
        for each in queue.workflows
    )
    assert queues == [
        *(("Conversation", queue) for queue in names.CONVERSATIONS_QUEUES),
        ("Erase", names.ERASURE_QUEUE),
        ("IngestDocument", names.INGESTION_QUEUE),
        ("ReconcileSchedules", names.SOURCES_QUEUE),
        ("ReembedKnowledgeBase", names.INGESTION_QUEUE),
        ("ReplayWebhooks", names.WEBHOOKS_QUEUE),
        ("RollUpUsage", names.USAGE_QUEUE),
        ("SyncSource", names.SOURCES_QUEUE),
        ("WebhookDeliveries", names.WEBHOOKS_QUEUE),
    ]
