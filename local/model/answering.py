"""Answers made of the passages' own sentences: the offline stand-in for a language model.

It writes nothing itself but a few fixed phrases. It quotes what fits best (a paragraph, the answer
of a FAQ, rows of a table), or says that the passages do not hold the answer.

The figures here were measured on the labelled questions of `tests/local/demo`, which hold them to
a floor: the quotation holds the answer to 86 % of 85 questions in six languages (abstentions count
as misses) and to all of 22 follow-ups; 97 % of 33 questions that the documents do not cover are
turned away, 89 % when a covered one was asked just before. They are no held-out figures: the
threshold was chosen on these questions and on those of `bench/quality`, and so was how slips are
mended. With random slips in 70 of the questions, made afterwards, 64 % are answered, and 34 %
without mending. The published mix for plain text, 0.6 z(cosine of the sentence) + 0.4 z(BM25), came
to 70 % of the first: in price lists and FAQs the heading and the neighbours of a sentence say what
it is about, so whole blocks are compared as well.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from local.model.embedder import Embedder, Vector
from local.model.follow_up import FollowUp, follow_up
from local.model.language import (
    is_in_another_language,
    language_of,
    language_of_texts,
    telling_words,
)
from local.model.phrases import PHRASES
from local.model.prompt_reader import Question, ShownPassage
from local.model.quotable import Block, blocks
from local.model.ranking import Scores, wording_scores, z_scores
from local.model.small_talk import small_talk, without_greeting
from local.model.spelling import mended, words_of

MODEL = "offline-extractive-v1"

SEARCHED_PASSAGES = 5
READ_BLOCKS = 8
"""Blocks whose single sentences are compared too; the others fit worse as a whole already."""

ABSTAIN_BELOW = 0.845
"""Cosine of the best block under which the passages are taken not to hold the answer; chosen on the
questions that it is measured on."""
TRANSLATED = 0.035
"""How much lower the same meaning scores when question and passages are in different languages."""

MEANING_OF_BLOCK, MEANING_OF_PIECE, WORDING = 0.4, 0.4, 0.2
NEARLY_AS_GOOD = 0.5
"""Standard deviations by which a second block may fit worse and still be quoted too."""
NEARLY_AS_CLOSE = 0.012
"""Cosine by which a row may be farther from the question than the best row and be quoted too."""

SHORT = 320
"""Characters: a paragraph up to this length is quoted whole, it reads better than a cut-out."""
MAX_SENTENCES = 3
MAX_ROWS = 8
SMALL_LIST = 5
"""Rows of a list that is quoted whole when the question means more than one of them."""


@dataclass(frozen=True, kw_only=True)
class _Piece:
    """One sentence or row as a candidate."""

    block: Block
    index: int
    cosine: float
    score: float


HAND_OVER: Final = "hand_over_to_human"
SAY_UNKNOWN: Final = "say_unknown"
"""The tools that it calls, if they are offered; it knows no others."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer, and the tool that goes with it; the words stand in both."""

    text: str
    tool: str | None = None
    arguments: dict[str, str] | None = None


class ExtractiveAnswerer:
    """Answers questions from the passages they come with."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    async def answer(self, question: Question) -> str:
        """The answer as Markdown with citations like [1]; never empty."""
        return (await self.reply(question)).text

    async def reply(self, question: Question, *, tools: Collection[str] = ()) -> Reply:
        """The answer, and a call where the person plainly asks for a human or the passages do not
        hold what they ask.

        Args:
            tools: names of those that are offered.
        """
        said = [*question.earlier, question.text]
        language = language_of(said, preferred=question.language)
        phrases = PHRASES[language]
        if question.has_pictures and not question.text:
            return Reply(text=phrases.blind)
        intent = small_talk(question.text)
        if intent == "human" and HAND_OVER in tools:
            arguments = {"reason": "The person asks for a human."}
            return Reply(text=phrases.passed_on, tool=HAND_OVER, arguments=arguments)
        if intent is not None:
            phrase = str(getattr(phrases, intent))
            return Reply(text=phrase.format(assistant=question.assistant or phrases.somebody))
        found = await self._quote(question)
        unknown = f"{phrases.unknown} {phrases.offer}" if HAND_OVER in tools else phrases.unknown
        answer = found or unknown
        if question.has_pictures:
            answer = f"{phrases.blind}\n\n{answer}"
        text = f"{phrases.late} {answer}" if question.is_late else answer
        if found is None and not question.has_pictures and SAY_UNKNOWN in tools:
            return Reply(text=text, tool=SAY_UNKNOWN, arguments={"text": text})
        return Reply(text=text)

    async def read_ahead(self, passage: ShownPassage) -> None:
        """Embed what an answer from `passage` will be compared by, so that it comes at once."""
        found = blocks(passage)
        pieces = [
            block.compared_piece(index) for block in found for index in range(len(block.pieces))
        ]
        texts = [block.compared for block in found] + pieces
        await self._embedder.embed(texts, is_query=False, is_ahead=True)

    async def _quote(self, question: Question) -> str | None:
        passages = question.passages[:SEARCHED_PASSAGES]
        # Passages overlap: what is in two of them is read once.
        found = list({block.compared: block for p in passages for block in blocks(p)}.values())
        if not found or not any(character.isalnum() for character in question.text):
            return None
        texts = [block.compared for block in found]
        shown = [passage.text for passage in passages]
        asked = without_greeting(question.text)
        language = language_of_texts(shown)
        is_translated = is_in_another_language([*question.earlier, asked], than=language)
        if not is_translated:
            words = words_of(" ".join(texts)) | telling_words(language)
            asked = mended(asked, words=words, language=language)
        leaning = follow_up(asked, earlier=question.earlier)
        queries = [asked] if leaning is None else [asked, leaning.text]
        vectors = await self._embedder.embed(queries, is_query=True)
        cosines = vectors @ (await self._embedder.embed(texts, is_query=False)).T
        allowance = TRANSLATED if is_translated else 0
        if not _is_covered(cosines + allowance, leaning=leaning):
            return None
        fits = _mean(
            (1 - WORDING) * z_scores(row) + WORDING * z_scores(wording_scores(query, texts))
            for query, row in zip(queries, cosines, strict=True)
        )
        best = [int(index) for index in np.argsort(-fits)[:READ_BLOCKS]]
        pieces = await self._pieces(
            [found[index] for index in best],
            queries=queries,
            vectors=vectors,
            block_cosines=cosines[:, best],
        )
        return _compose(pieces)

    async def _pieces(
        self,
        found: Sequence[Block],
        *,
        queries: Sequence[str],
        vectors: Vector,
        block_cosines: Vector,
    ) -> list[_Piece]:
        """Every sentence and row of `found`, best first."""
        places = [(b, index) for b, block in enumerate(found) for index in range(len(block.pieces))]
        texts = [found[b].compared_piece(index) for b, index in places]
        cosines = vectors @ (await self._embedder.embed(texts, is_query=False)).T
        of_blocks = block_cosines[:, [b for b, _ in places]]
        scores = _mean(
            MEANING_OF_PIECE * z_scores(by_piece)
            + MEANING_OF_BLOCK * z_scores(by_block)
            + WORDING * z_scores(wording_scores(query, texts))
            for query, by_piece, by_block in zip(queries, cosines, of_blocks, strict=True)
        )
        closest = cosines.max(axis=0)
        pieces = [
            _Piece(block=found[b], index=index, cosine=float(cosine), score=float(score))
            for (b, index), cosine, score in zip(places, closest, scores, strict=True)
        ]
        return sorted(pieces, key=lambda piece: -piece.score)


def _mean(scores: Iterable[Scores]) -> Scores:
    mean: Scores = np.mean(list(scores), axis=0)
    return mean


def _is_covered(cosines: Vector, *, leaning: FollowUp | None) -> bool:
    """Whether any block holds the answer: to the question itself, or to it in its context."""
    if float(cosines[0].max()) >= ABSTAIN_BELOW:
        return True
    if leaning is None or float(cosines[1].max()) < ABSTAIN_BELOW:
        return False
    return float(cosines[0][cosines[1].argmax()]) >= leaning.least_kinship


def _compose(pieces: Sequence[_Piece]) -> str:
    """The block of the best piece, and the next best one where it fits nearly as well."""
    best = pieces[0]
    other = next((piece for piece in pieces if piece.block is not best.block), None)
    quoted = [best]
    if other is not None and best.score - other.score <= NEARLY_AS_GOOD:
        quoted.append(other)
    quotations = {id(piece): _quotation(piece, among=pieces) for piece in quoted}
    if sum(map(len, quotations.values())) > 2 * SHORT:
        quoted = [best]
    elif len({piece.block.passage.number for piece in quoted}) == 1:
        quoted.sort(key=lambda piece: piece.block.position)
    return "\n\n".join(quotations[id(piece)] for piece in quoted)


def _quotation(best: _Piece, *, among: Sequence[_Piece]) -> str:
    """What is quoted of the block of `best`, followed by its passage's number."""
    block = best.block
    citation = f"[{block.passage.number}]"
    if block.kind == "rows":
        rows = [block.pieces[index] for index in _rows(best, among=among)]
        listed = rows if len(rows) == 1 else [f"- {row}" for row in rows]
        caption = [f"{block.caption}:"] if block.caption else []
        return "\n".join([*caption, *listed]) + f" {citation}"
    if len(block.pieces) <= MAX_SENTENCES and len(" ".join(block.pieces)) <= SHORT:
        return f"{' '.join(block.pieces)} {citation}"
    # The answer to a FAQ begins with its beginning; elsewhere the best sentence leads on.
    start = 0 if block.kind == "faq" else best.index
    chosen = block.pieces[start : start + 1]
    for piece in block.pieces[start + 1 : start + MAX_SENTENCES]:
        if len(" ".join([*chosen, piece])) <= SHORT:
            chosen.append(piece)
    return f"{' '.join(chosen)} {citation}"


def _rows(best: _Piece, *, among: Sequence[_Piece]) -> list[int]:
    """The rows that are about as close to the question as the best one, in their order."""
    mates = [piece for piece in among if piece.block is best.block]
    close = [piece for piece in mates if piece.cosine >= best.cosine - NEARLY_AS_CLOSE]
    if len(close) > 1 and len(best.block.pieces) <= SMALL_LIST:
        return list(range(len(best.block.pieces)))
    return sorted({best.index, *(piece.index for piece in close[:MAX_ROWS])})
