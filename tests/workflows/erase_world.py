"""Stores for the workflow `Erase` that tell what they were asked, and find what they are told."""

from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker
from ulid import ULID

from adapters.temporal.plugin import data_converter
from contracts.erasure import Erase, ErasureKind
from contracts.ids import ApiKeyId, ErasureId, OrganizationId
from tests.workflows.ingestion_worker import KEY_RING
from workflows.erase import EraseWorkflow

STORES = (
    "end_workflows", "erase_histories", "erase_files", "erase_vectors", "erase_items", "erase_rows",
)  # fmt: skip


@dataclass
class Stores:
    """What each store finds, pass by pass; nothing when there is no more."""

    found: dict[str, deque[int]] = field(default_factory=dict)
    dies: set[str] = field(default_factory=set)
    """Steps that fail the first time."""
    asked: list[str] = field(default_factory=list)

    def activities(self) -> Sequence[Callable[..., Any]]:
        return [
            *(self._store(name) for name in STORES),
            *(self._record(name) for name in ("begin_erasure", "finish_erasure")),
        ]

    def _store(self, name: str) -> Callable[..., Any]:
        @activity.defn(name=name)
        async def run(_request: Erase) -> int:
            self._ask(name)
            left = self.found.get(name)
            return left.popleft() if left else 0

        return run

    def _record(self, name: str) -> Callable[..., Any]:
        @activity.defn(name=name)
        async def run(_request: Erase) -> None:
            self._ask(name)

        return run

    def _ask(self, name: str) -> None:
        if name in self.dies:
            self.dies.remove(name)
            raise ConnectionError(name)
        self.asked.append(name)


def client_of(environment: WorkflowEnvironment) -> Client:
    """A client that encrypts, and lets time skip while it waits for a result."""
    config = environment.client.config()
    config["data_converter"] = data_converter(KEY_RING)
    return Client(**config)


def a_request(kind: ErasureKind = "organization") -> Erase:
    subject = f"org_{ULID()}" if kind == "organization" else f"wau_{ULID()}"
    return Erase(
        erasure_id=ErasureId(f"era_{ULID()}"),
        kind=kind,
        organization_id=OrganizationId("org_1"),
        subject_id=subject,
        requested_by=ApiKeyId("key_1"),
    )


@asynccontextmanager
async def erasing(client: Client, stores: Stores) -> AsyncIterator[str]:
    """A running worker on a task queue of its own."""
    queue = f"erasure-{ULID()}"
    async with Worker(
        client, task_queue=queue, workflows=[EraseWorkflow], activities=stores.activities()
    ):
        yield queue


async def erase(
    client: Client, stores: Stores, request: Erase
) -> WorkflowHandle[EraseWorkflow, None]:
    """The workflow, once it has ended."""
    async with erasing(client, stores) as queue:
        handle = await client.start_workflow(
            EraseWorkflow.run, request, id=f"erase/{request.erasure_id}", task_queue=queue
        )
        await handle.result()
    return handle
