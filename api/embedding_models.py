"""Gives a knowledge base its embedding model, at once or by sending it on its way."""

from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio.client import Client
from temporalio.common import Priority, SearchAttributePair, TypedSearchAttributes
from temporalio.service import RPCError

from adapters.postgres.embedding_spaces import (
    begin_move,
    call_off_move,
    has_passages,
    settle,
    spaces_of,
)
from adapters.postgres.tables import KnowledgeBase
from api.problems import Problem, invalid, unavailable
from contracts.embedding import EmbeddingModel, ReembedKnowledgeBase
from contracts.ids import reembedding_workflow_id
from contracts.names import (
    INGESTION_QUEUE,
    ORGANIZATION_ID,
    REEMBED_KNOWLEDGE_BASE_WORKFLOW,
    SPACE_CHANGED_SIGNAL,
)
from settings import Settings
from telemetry import get_logger

_log = get_logger(__name__)


def offered_model(
    settings: Settings, name: str | None, *, dimensions: int | None
) -> EmbeddingModel:
    """The model of that name, or the platform's own; a problem if it is not offered."""
    own = settings.parley_embedding_model
    offered = [own, *(one for one in settings.parley_embedding_models if one != own)]
    if name is not None and name not in offered:
        raise invalid(
            "embedding_model", f"is none of those that are offered: {', '.join(offered)}."
        )
    return EmbeddingModel(name=name or own, dimensions=dimensions)


async def move_to(
    session: AsyncSession, base: KnowledgeBase, model: EmbeddingModel, *, temporal: Client
) -> None:
    """Have the knowledge base end in the space of this model, from wherever it is.

    Args:
        session: holds the knowledge base's row. The workflow waits for that, so it sees what the
            transaction has written; without an engine that answers, nothing is changed.
    """
    spaces = spaces_of(base)
    if spaces.next is None:
        if spaces.present.is_of(model):
            return
        if not await has_passages(session, base):
            settle(base, into=model)
            return
        begin_move(base, to=model)
    elif spaces.present.is_of(model):
        call_off_move(base)
    elif not spaces.next.is_of(model):
        raise Problem(
            409,
            f"Its passages are being embedded with {spaces.next.model}. Call that off first: set "
            f"embedding_model to the one that it has, {spaces.present.model.name}.",
            kind="reindexing",
        )
    else:
        base.reindexing_error = None
    await _tell(base, temporal)


async def _tell(base: KnowledgeBase, temporal: Client) -> None:
    try:
        await temporal.start_workflow(
            REEMBED_KNOWLEDGE_BASE_WORKFLOW,
            ReembedKnowledgeBase(organization_id=base.organization_id, knowledge_base_id=base.id),
            id=reembedding_workflow_id(base.id),
            task_queue=INGESTION_QUEUE,
            start_signal=SPACE_CHANGED_SIGNAL,
            priority=Priority(fairness_key=base.organization_id),
            # By which an erasure finds it.
            search_attributes=TypedSearchAttributes(
                [SearchAttributePair(ORGANIZATION_ID, base.organization_id)]
            ),
        )
    except (RPCError, RuntimeError) as error:
        _log.warning(
            "reembedding_not_started", knowledge_base_id=base.id, error=type(error).__name__
        )
        raise unavailable("The workflow engine") from None
