"""Answers made of the passages' own sentences: the offline stand-in for a language model.

It writes nothing itself but a few fixed phrases. It quotes the sentence that fits best, with what
belongs to it (the paragraph, the answer of a FAQ, the rows of a list), or says that the passages do
not hold the answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from local.model.embedder import Embedder
from local.model.language import language_of
from local.model.phrases import PHRASES
from local.model.prompt_reader import Question
from local.model.quotable import Quotable, quotables
from local.model.ranking import Scores, mixed_scores
from local.model.small_talk import small_talk, without_greeting

MODEL = "offline-extractive-v1"

SEARCHED_PASSAGES = 5

ABSTAIN_BELOW = 0.845
"""Cosine of the best sentence under which the passages are taken not to hold the answer."""

FOLLOW_UP_WORDS = 9
SHORT_PARAGRAPH = 320
"""Characters: a paragraph up to this length is quoted whole, it reads better than a cut-out."""
MAX_SENTENCES = 3
MAX_ROWS = 8


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """The candidates of one query, best first."""

    ranked: list[tuple[Quotable, float]]
    best_cosine: float


class ExtractiveAnswerer:
    """Answers questions from the passages they come with."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    async def answer(self, question: Question) -> str:
        """The answer as Markdown with citations like [1]; never empty."""
        said = [*question.earlier, question.text]
        phrases = PHRASES[language_of(said, preferred=question.language)]
        intent = small_talk(question.text)
        if intent is not None:
            phrase = str(getattr(phrases, intent))
            return phrase.format(assistant=question.assistant or phrases.somebody)
        quoted = await self._quote(question)
        answer = quoted or phrases.unknown
        return f"{phrases.late} {answer}" if question.is_late else answer

    async def _quote(self, question: Question) -> str | None:
        candidates = [
            quotable
            for passage in question.passages[:SEARCHED_PASSAGES]
            for quotable in quotables(passage)
        ]
        if not candidates or not any(character.isalnum() for character in question.text):
            return None
        best: Ranking | None = None
        for query in _queries(question):
            ranking = await self._rank(query, candidates)
            if best is None or ranking.best_cosine > best.best_cosine:
                best = ranking
        if best is None or best.best_cosine < ABSTAIN_BELOW:
            return None
        return _compose([quotable for quotable, _ in best.ranked])

    async def _rank(self, query: str, candidates: Sequence[Quotable]) -> Ranking:
        texts = [candidate.compared for candidate in candidates]
        (vector,) = await self._embedder.embed([query], is_query=True)
        cosines = (await self._embedder.embed(texts, is_query=False)) @ vector
        scores: Scores = mixed_scores(query, texts, cosines=cosines.tolist())
        order = sorted(range(len(candidates)), key=lambda index: -scores[index])
        return Ranking(
            ranked=[(candidates[index], float(scores[index])) for index in order],
            best_cosine=float(cosines.max()),
        )


def _queries(question: Question) -> list[str]:
    """The question, and for a short one the question before it with it: it may lean on that."""
    asked = without_greeting(question.text)
    if not question.earlier or len(asked.split()) > FOLLOW_UP_WORDS:
        return [asked]
    return [asked, f"{question.earlier[-1]} {asked}"]


def _compose(ranked: Sequence[Quotable]) -> str:
    """The best piece with what belongs to it, followed by its passage's number."""
    best = ranked[0]
    block = best.block
    citation = f"[{block.passage.number}]"
    if block.kind == "rows":
        return _rows(best, ranked=ranked, citation=citation)
    whole = " ".join(block.pieces)
    if len(block.pieces) <= MAX_SENTENCES and len(whole) <= SHORT_PARAGRAPH:
        return f"{whole} {citation}"
    if block.kind == "faq":
        return f"{' '.join(block.pieces[:MAX_SENTENCES])} {citation}"
    # A long paragraph: the best sentence and the one after it, which usually goes on with it.
    chosen = block.pieces[best.index : best.index + 2]
    if len(" ".join(chosen)) > SHORT_PARAGRAPH:
        chosen = chosen[:1]
    return f"{' '.join(chosen)} {citation}"


def _rows(best: Quotable, *, ranked: Sequence[Quotable], citation: str) -> str:
    rows = best.block.pieces
    if len(rows) == 1:
        return f"{rows[0]} {citation}"
    if len(rows) <= MAX_ROWS:
        listed = "\n".join(f"- {row}" for row in rows)
        return f"{listed}\n{citation}"
    mates = [piece for piece in ranked if piece.block is best.block][:MAX_SENTENCES]
    chosen = sorted({piece.index for piece in mates})
    return "\n".join(f"- {rows[index]}" for index in chosen) + f"\n{citation}"
