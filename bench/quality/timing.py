"""How long each step of a search takes, one question at a time, nothing kept from before."""

import time
from collections.abc import Awaitable, Callable, Sequence

from adapters.postgres.passages import Passages
from adapters.retrieval import CANDIDATES
from adapters.vectors.index import EmbeddingSpace
from bench.figures import quantile
from bench.quality.measures import DEPTH
from bench.quality.results import Latency
from bench.quality.stage import Stage
from contracts.ids import KnowledgeBaseId

QUESTIONS = 60


async def time_legs(
    stage: Stage, *, knowledge_base_id: KnowledgeBaseId, questions: Sequence[str]
) -> list[Latency]:
    """p50 and p95 of each step over `questions`, which nobody may have asked of the model server
    before."""
    organization_id = stage.library.organization_id
    passages, knowledge = Passages(stage.database), stage.uncached
    embedded = await stage.knowledge.embeddings.embed(questions, kind="query")
    space = EmbeddingSpace(stage.knowledge.embeddings.model, len(embedded[0]))
    vectors = iter(embedded)

    async def words(question: str) -> None:
        await passages.search_words(
            organization_id,
            knowledge_base_ids=[knowledge_base_id],
            queries=[question],
            limit=CANDIDATES,
        )

    async def embedding(question: str) -> None:
        await knowledge.embeddings.embed([f"{question} "], kind="query")

    async def meaning(_question: str) -> None:
        await knowledge.index.search(
            organization_id,
            knowledge_base_ids=[knowledge_base_id],
            space=space,
            vectors=[next(vectors)],
            limit=CANDIDATES,
        )

    async def whole(question: str) -> None:
        await knowledge.retriever.search(
            organization_id,
            knowledge_base_ids=[knowledge_base_id],
            queries=[f"{question}  "],
            limit=DEPTH,
        )

    steps: list[tuple[str, Callable[[str], Awaitable[None]]]] = [
        ("words, in PostgreSQL", words),
        ("the question's vector, from the model server", embedding),
        ("meaning, in the vector index", meaning),
        ("the whole search", whole),
    ]
    return [await _timed(name, step, questions) for name, step in steps]


async def _timed(
    name: str, step: Callable[[str], Awaitable[None]], questions: Sequence[str]
) -> Latency:
    seconds = []
    for question in questions:
        began = time.monotonic()
        await step(question)
        seconds.append(time.monotonic() - began)
    return latency(name, seconds)


def latency(name: str, seconds: Sequence[float]) -> Latency:
    return Latency(name=name, p50=quantile(seconds, 0.5), p95=quantile(seconds, 0.95))
