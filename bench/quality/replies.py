"""The replies to the demo's questions: do they hold the answer, or say that there is none?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from adapters.retrieval import Hit
from bench.quality.answering import Assistant, Given
from bench.quality.measures import holds
from bench.quality.questions import BUSINESSES, DemoQuestion
from bench.quality.retrieval import Shelves
from bench.quality.stage import Stage
from local.model.prompt_reader import ShownPassage
from local.model.quotable import blocks

DOCUMENTS_LANGUAGE: Final = "en"
"""Of both businesses."""


@dataclass(frozen=True)
class Replied:
    """A question with its reply."""

    question: DemoQuestion
    given: Given
    best_passage: float
    """Highest cosine of a passage that was found."""
    best_block: float
    """Highest cosine of a paragraph, list or answer in these passages."""

    @property
    def is_same_language(self) -> bool:
        return self.question.language == DOCUMENTS_LANGUAGE

    @property
    def is_hit(self) -> bool:
        """Whether the reply holds the expected answer."""
        return not self.given.abstained and holds(self.given.text, gold=self.question.answer)


async def reply_to(
    stage: Stage, shelves: Shelves, questions: Sequence[DemoQuestion]
) -> list[Replied]:
    """One after the other, as the offline model computes one at a time anyway."""
    assistants = {
        name: Assistant(stage, BUSINESSES[name], knowledge_base_ids=[knowledge_base])
        for name, knowledge_base in shelves.businesses.items()
    }
    replied = []
    for question in questions:
        given = await assistants[question.business].answer(
            question.text, history=question.utterances
        )
        best_passage = max((hit.dense_score or 0.0 for hit in given.hits), default=0.0)
        best_block = await _best_block(stage, question.queries, given.hits)
        replied.append(Replied(question, given, best_passage, best_block))
    return replied


async def _best_block(stage: Stage, queries: Sequence[str], hits: Sequence[Hit]) -> float:
    shown = [
        ShownPassage(number=1, title=hit.title, section=hit.heading, text=hit.text) for hit in hits
    ]
    texts = list({block.compared for passage in shown for block in blocks(passage)})
    if not texts or not queries:
        return 0.0
    embeddings = stage.knowledge.embeddings
    asked = np.asarray(await embeddings.embed(queries, kind="query"))
    compared = np.asarray(await embeddings.embed(texts, kind="passage"))
    return float((asked @ compared.T).max())
