"""Conversations of different organisations run on several queues, each with a worker."""

from contracts import names
from tests.worker.test_registry import made
from worker.registry import registrations


def test_an_organisation_stays_on_its_queue() -> None:
    assert names.conversations_queue("org_1") == names.conversations_queue("org_1")
    # A change of these moves running conversations to where nobody looks for them.
    assert [names.conversations_queue(f"org_{number}")[-1] for number in range(5)] == [
        "4", "2", "s", "6", "5",
    ]  # fmt: skip


def test_organisations_are_spread_over_all_queues() -> None:
    queues = {names.conversations_queue(f"org_{number}") for number in range(200)}
    assert queues == set(names.CONVERSATIONS_QUEUES)


def test_every_queue_has_a_worker_with_few_workflow_tasks_at_a_time() -> None:
    workers = {one.task_queue: one for one in registrations(made())}
    for queue in names.CONVERSATIONS_QUEUES:
        assert workers[queue].max_concurrent_workflow_tasks <= 4
        assert workers[queue].workflows
