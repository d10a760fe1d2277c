"""How a request has something erased: durably first, then at once."""

from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio.common import Priority, WorkflowIDConflictPolicy
from temporalio.service import RPCError

from adapters.postgres import erasures
from adapters.postgres.tables import Erasure
from api import audit
from api.authentication import Principal
from api.problems import RETRY_SECONDS, Problem, unavailable
from api.services import Services
from contracts.erasure import Erase, ErasureKind
from contracts.ids import OrganizationId, erasure_id, erasure_workflow_id
from contracts.names import ERASE_WORKFLOW, ERASURE_QUEUE


@dataclass(frozen=True)
class Subject:
    """What is to be erased."""

    kind: ErasureKind
    id: str
    organization_id: OrganizationId
    is_found: bool
    """It is still found. If not, its erasure runs: who asks again is told nothing new."""


async def find_subject(
    session: AsyncSession,
    kind: ErasureKind,
    subject_id: str,
    *,
    organization_id: OrganizationId,
    is_found: bool,
) -> Subject | None:
    """None when there is nothing to erase, or no longer."""
    erasure = await erasures.get(session, erasure_id(subject_id))
    if erasure is not None and (erasure.kind, erasure.subject_id) != (kind, subject_id):
        # Ids of erasures leave the subject's prefix out: this one is of something else.
        erasure = None
    if not is_found and (erasure is None or erasure.status == "finished"):
        return None
    return Subject(kind, subject_id, organization_id, is_found)


async def erase(services: Services, principal: Principal, subject: Subject) -> Erasure:
    """Start the erasure, or join the one that runs, and begin it here and now.

    Told in the audit log, of the platform when an organisation is erased: its own goes with it.

    The workflow comes first. It begins the erasure once more, so that a process that dies between
    the two loses nothing; and when Temporal does not answer, nothing has been changed.
    """
    request = Erase(
        erasure_id=erasure_id(subject.id),
        kind=subject.kind,
        organization_id=subject.organization_id,
        subject_id=subject.id,
        requested_by=principal.key_id,
        settle_seconds=services.settings.parley_erasure_settle_seconds,
    )

    async def tell(session: AsyncSession) -> None:
        platforms = subject.kind == "organization"
        await audit.record(
            session,
            principal,
            organization_id=None if platforms else subject.organization_id,
            action=f"{subject.kind}.delete",
            resource_id=subject.id,
        )

    try:
        await services.temporal.start_workflow(
            ERASE_WORKFLOW,
            request,
            id=erasure_workflow_id(request.erasure_id),
            task_queue=ERASURE_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            static_summary=f"erase {subject.id}",
            priority=Priority(fairness_key=subject.organization_id),
        )
    except (RPCError, RuntimeError) as error:
        raise unavailable("The workflow engine") from error
    try:
        return await services.erasures.begin(request, also=tell if subject.is_found else None)
    except (SQLAlchemyError, BotoCoreError, ClientError, OSError) as error:
        raise Problem(
            503,
            "The erasure was accepted and goes on by itself, but a store did not answer. "
            "Ask again in a few seconds to see its state.",
            kind="dependency-unavailable",
            headers={"Retry-After": RETRY_SECONDS},
        ) from error
