"""`/healthz`, `/readyz` and `/metrics`: for those who run Parley."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Annotated, Final

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, Field
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    DescribeTaskQueueRequest,
)

from adapters.dynamodb import schema as dynamodb_schema
from api.dependencies import ServicesDep
from api.services import Services
from contracts.names import CONVERSATIONS_QUEUE
from migrations import current_revision, head_revision

CHECK_SECONDS: Final = 3.0

router = APIRouter(tags=["operation"])


class NotReady(Exception):
    """A dependency answers, but cannot be used yet. Its text says why."""


class DependencyState(BaseModel):
    ready: bool
    detail: str | None = None


class Readiness(BaseModel):
    ready: bool
    dependencies: dict[str, DependencyState]


class Liveness(BaseModel):
    status: Annotated[str, Field(examples=["ok"])] = "ok"


@router.get("/healthz")
async def get_health() -> Liveness:
    """The process answers."""
    return Liveness()


@router.get("/readyz", response_model=Readiness, responses={503: {"model": Readiness}})
async def get_readiness(services: ServicesDep) -> Response:
    """Whether everything that a message needs is there; each dependency by name."""
    checks: dict[str, Callable[[Services], Awaitable[None]]] = {
        "postgres": _postgres,
        "dynamodb": _dynamodb,
        "s3": _s3,
        "temporal": _temporal,
        "worker": _worker,
    }
    states = await asyncio.gather(*(_state(check, services) for check in checks.values()))
    readiness = Readiness(
        ready=all(state.ready for state in states),
        dependencies=dict(zip(checks, states, strict=True)),
    )
    return JSONResponse(
        readiness.model_dump(exclude_none=True), status_code=200 if readiness.ready else 503
    )


@router.get("/metrics", response_class=Response, include_in_schema=False)
async def get_metrics(services: ServicesDep) -> Response:
    return Response(services.metrics.render(), media_type=CONTENT_TYPE_LATEST)


async def _state(
    check: Callable[[Services], Awaitable[None]], services: Services
) -> DependencyState:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await check(services)
    except NotReady as error:
        return DependencyState(ready=False, detail=str(error))
    except TimeoutError:
        return DependencyState(ready=False, detail=f"no answer within {CHECK_SECONDS:g} s")
    except Exception as error:  # noqa: BLE001,RUF100 - whatever it is, the dependency is not usable
        # Only the kind: messages of drivers quote addresses and users.
        return DependencyState(ready=False, detail=f"cannot be reached ({type(error).__name__})")
    return DependencyState(ready=True)


async def _postgres(services: Services) -> None:
    current, head = await current_revision(services.database.engine), head_revision()
    if current != head:
        raise NotReady(
            f"the schema is at revision {current or 'none'}, this version needs {head}: "
            "run parley migrate"
        )


async def _dynamodb(services: Services) -> None:
    if not await dynamodb_schema.is_ready(services.table):
        raise NotReady("the table or its indexes are not ready: run parley migrate")


async def _s3(services: Services) -> None:
    if not await services.objects.is_ready():
        raise NotReady("the bucket is missing: run parley migrate")


async def _temporal(services: Services) -> None:
    await services.temporal.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace=services.settings.temporal_namespace)
    )


POLL_SECONDS: Final = 70
"""Temporal remembers a poller for minutes after it has gone; a live one asks again each minute."""


async def _worker(services: Services) -> None:
    described = await services.temporal.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=services.settings.temporal_namespace,
            task_queue=TaskQueue(name=CONVERSATIONS_QUEUE),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        )
    )
    seen = max((poller.last_access_time.ToSeconds() for poller in described.pollers), default=0)
    if time.time() - seen > POLL_SECONDS:
        raise NotReady(f"no worker polls the task queue {CONVERSATIONS_QUEUE}")
