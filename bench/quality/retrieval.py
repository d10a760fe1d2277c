"""Every leg on every set of questions: what is found, and by which."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bench.quality.legs import Found, Legs
from bench.quality.library import Filed, PlainText, Source
from bench.quality.measures import Ranked, normalised, ranked
from bench.quality.questions import (
    BUSINESSES,
    BusinessName,
    DemoQuestion,
    FaqLanguage,
    faq_pairs,
)
from bench.quality.stage import Stage
from contracts.ids import KnowledgeBaseId, PassageId

FAQ_TITLE = "Questions and answers"
"""The same for every answer: a title that says more would give the answer away."""
LANGUAGES: Mapping[FaqLanguage, str] = {"en": "english", "sv": "swedish"}
AT_ONCE = 4


@dataclass(frozen=True)
class Asked:
    """A question as it is searched for, and the passages that answer it."""

    id: str
    kind: str
    queries: Sequence[str]
    gold: frozenset[PassageId]
    scope: frozenset[str]
    """Knowledge bases that are searched for it."""


@dataclass(frozen=True)
class QuestionSet:
    name: str
    passages: int
    asked: Sequence[Asked]
    found: Sequence[Found]

    def ranked(self, leg: str) -> list[Ranked]:
        """What `leg` is worth to each question."""
        return [
            ranked(found.rankings[leg], gold=asked.gold)
            for asked, found in zip(self.asked, self.found, strict=True)
        ]

    def of_kind(self, kind: str) -> "QuestionSet":
        chosen = [n for n, asked in enumerate(self.asked) if asked.kind == kind]
        return QuestionSet(
            name=f"{self.name}: {kind}",
            passages=self.passages,
            asked=[self.asked[n] for n in chosen],
            found=[self.found[n] for n in chosen],
        )


@dataclass(frozen=True)
class Shelves:
    """The knowledge bases that are asked, all filled."""

    businesses: Mapping[BusinessName, KnowledgeBaseId]
    faq: Mapping[FaqLanguage, KnowledgeBaseId] = field(default_factory=dict)


async def fill_shelves(
    stage: Stage,
    *,
    names: Sequence[BusinessName] = ("bicycles", "dental"),
    faq: Sequence[FaqLanguage] = ("en", "sv"),
) -> Shelves:
    """A knowledge base for each of the businesses, and one for each language of the FAQ."""
    businesses: dict[BusinessName, KnowledgeBaseId] = {}
    for name in names:
        business = BUSINESSES[name]
        sources = [Source(each.title, each.path.read_bytes()) for each in business.documents]
        businesses[name] = await stage.library.add(sources, language=business.text_search_language)
    shelves: dict[FaqLanguage, KnowledgeBaseId] = {}
    for language in faq:
        sources = [Source(FAQ_TITLE, pair.answer.encode()) for pair in faq_pairs(language)]
        shelves[language] = await stage.library.add(
            sources, language=LANGUAGES[language], parser=PlainText()
        )
    return Shelves(businesses, shelves)


async def ask_faq(
    stage: Stage, shelves: Shelves, *, questions: FaqLanguage, answers: FaqLanguage
) -> QuestionSet:
    """Each question of the FAQ against all of its answers, in the same or the other language."""
    knowledge_base = shelves.faq[answers]
    filed = await stage.library.passages([knowledge_base])
    by_text: dict[str, set[PassageId]] = {}
    for passage in filed.values():
        by_text.setdefault(passage.text.strip(), set()).add(passage.passage_id)
    answer_of = {pair.id: pair.answer.strip() for pair in faq_pairs(answers)}
    scope = frozenset([knowledge_base])
    asked = [
        Asked(pair.id, "faq", [pair.question], frozenset(by_text[answer_of[pair.id]]), scope)
        for pair in faq_pairs(questions)
    ]
    name = f"FAQ {questions}" if questions == answers else f"FAQ {questions} → {answers}"
    return await _ask(await Legs.over(stage, [knowledge_base]), name, len(filed), asked)


async def ask_demo(
    stage: Stage,
    shelves: Shelves,
    questions: Sequence[DemoQuestion],
    *,
    crowd: FaqLanguage | None = None,
) -> QuestionSet:
    """Those of the questions that have an answer, each to its own business.

    Args:
        crowd: with one, the business also has the FAQ's 503 answers, which answer none of them.
    """
    sets: list[QuestionSet] = []
    for name, knowledge_base in shelves.businesses.items():
        bases = [knowledge_base, *([shelves.faq[crowd]] if crowd else [])]
        filed = await stage.library.passages(bases)
        asked = [
            Asked(
                question.id,
                question.kind,
                question.queries,
                answering(question, filed),
                frozenset(bases),
            )
            for question in questions
            if question.business == name and question.answerable
        ]
        sets.append(await _ask(await Legs.over(stage, bases), "", len(filed), asked))
    return QuestionSet(
        name="demo in a crowd" if crowd else "demo",
        passages=max(each.passages for each in sets),
        asked=[asked for each in sets for asked in each.asked],
        found=[found for each in sets for found in each.found],
    )


def answering(question: DemoQuestion, filed: Mapping[PassageId, Filed]) -> frozenset[PassageId]:
    """The passages of its document that have the words that answer it; where a cut goes through
    these, those that have half of them.

    Raises:
        LookupError: there is none: the question's label is wrong.
    """
    own = {p.passage_id: normalised(p.text) for p in filed.values() if p.title == question.document}
    phrase = normalised(question.phrase or "")
    words = phrase.split()
    middle = (len(words) + 1) // 2
    halves = [" ".join(words[:middle]), " ".join(words[middle:])] if middle > 1 else []
    for parts in ([phrase], halves):
        found = frozenset(id_ for id_, text in own.items() if any(part in text for part in parts))
        if found:
            return found
    raise LookupError(f"{question.id}: no passage of “{question.document}” has “{phrase}”.")


async def _ask(legs: Legs, name: str, passages: int, asked: Sequence[Asked]) -> QuestionSet:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(question: Asked) -> Found:
        async with gate:
            return await legs.search(question.queries)

    return QuestionSet(
        name, passages, asked, await asyncio.gather(*(one(question) for question in asked))
    )
