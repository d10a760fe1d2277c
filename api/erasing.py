"""How a request has something erased: durably first, then at once."""

from botocore.exceptions import BotoCoreError, ClientError
from sqlalchemy.exc import SQLAlchemyError
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError

from adapters.postgres.tables import Erasure
from api.problems import RETRY_SECONDS, Problem, unavailable
from api.services import Services
from contracts.erasure import Erase
from contracts.ids import erasure_workflow_id
from contracts.names import ERASE_WORKFLOW, ERASURE_QUEUE


async def erase(services: Services, request: Erase) -> Erasure:
    """Start the erasure, or join the one that runs, and begin it here and now.

    The workflow comes first. It begins the erasure once more, so that a process that dies between
    the two loses nothing; and when Temporal does not answer, nothing has been changed.
    """
    try:
        await services.temporal.start_workflow(
            ERASE_WORKFLOW,
            request,
            id=erasure_workflow_id(request.erasure_id),
            task_queue=ERASURE_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            static_summary=f"erase {request.subject_id}",
        )
    except (RPCError, RuntimeError) as error:
        raise unavailable("The workflow engine") from error
    try:
        return await services.erasures.begin(request)
    except (SQLAlchemyError, BotoCoreError, ClientError, OSError) as error:
        raise Problem(
            503,
            "The erasure was accepted and goes on by itself, but a store did not answer. "
            "Ask again in a few seconds to see its state.",
            kind="dependency-unavailable",
            headers={"Retry-After": RETRY_SECONDS},
        ) from error
