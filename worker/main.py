"""Runs the workers of this process until it is told to stop."""

import asyncio
import gc
import signal
from contextlib import AsyncExitStack
from datetime import timedelta

from temporalio.client import Client
from temporalio.worker import Interceptor, PollerBehaviorAutoscaling, Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from adapters.temporal.client import connect, let_last_call_end, metrics_runtime
from adapters.temporal.metrics import WorkerMetrics
from adapters.temporal.schedules import keep_ensuring_schedules
from settings import Settings
from telemetry import get_logger
from worker.assembly import open_activities
from worker.giving_way import Conversations, GivingWay
from worker.registry import Registration, registrations

GRACE = timedelta(seconds=10)
"""Given to running activities at a stop; what is cut off is run again elsewhere."""

POLLERS = PollerBehaviorAutoscaling(minimum=1, initial=2)
"""Few at first: there are many queues, and most of them are idle."""

RUNNER = SandboxedWorkflowRunner(
    restrictions=SandboxRestrictions.default.with_passthrough_modules("workflows")
)
"""Every conversation would have a copy of the workflows' modules: 280 KB, and 5 ms whenever one is
opened or replayed. That they do nothing that would not replay is for the tests to find, whose
workers have the sandbox as it is by default."""

_log = get_logger(__name__)


async def run_worker(settings: Settings) -> None:
    """Poll every task queue; return after a clean stop on SIGTERM or Ctrl-C."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    runtime = metrics_runtime(settings)
    metrics = WorkerMetrics() if runtime is None else WorkerMetrics(runtime.metric_meter)
    client = await connect(settings, runtime=runtime)
    async with (
        open_activities(settings, client, metrics=metrics) as activities,
        AsyncExitStack() as stack,
    ):
        conversations = Conversations()
        for registration in registrations(activities):
            await stack.enter_async_context(_worker(client, registration, conversations))
        schedules = asyncio.create_task(keep_ensuring_schedules(client))
        stack.callback(schedules.cancel)
        # What is there by now stays: a collection that looks through it stops all conversations.
        gc.collect()
        gc.freeze()
        _log.info("worker_started", namespace=client.namespace)
        await stopping.wait()
        _log.info("worker_stopping")
    await let_last_call_end()


def _worker(client: Client, registration: Registration, conversations: Conversations) -> Worker:
    return Worker(
        client,
        task_queue=registration.task_queue,
        workflows=registration.workflows,
        activities=registration.activities,
        max_concurrent_workflow_tasks=registration.max_concurrent_workflow_tasks,
        max_concurrent_activities=registration.max_concurrent_activities,
        workflow_task_poller_behavior=POLLERS,
        activity_task_poller_behavior=POLLERS,
        graceful_shutdown_timeout=GRACE,
        workflow_runner=RUNNER,
        interceptors=_precedence(registration, conversations),
    )


def _precedence(registration: Registration, conversations: Conversations) -> list[Interceptor]:
    if registration.people_wait:
        return [conversations]
    return [GivingWay(conversations)] if registration.gives_way else []
