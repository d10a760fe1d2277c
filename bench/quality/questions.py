"""The labelled questions: to the demo's businesses, our own, and to a public construction FAQ."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

import zaragoza_construction_faq
from pydantic import BaseModel, ConfigDict

from bench.quality.moment import NOW
from domain.retrieval_query import retrieval_query
from domain.transcript import Utterance
from local.demo.businesses import HARBOUR_BIKES, LINDEN_DENTAL, Business

BusinessName = Literal["bicycles", "dental"]
Kind = Literal[
    "direct", "paraphrase", "typo", "language", "follow-up",
    "near", "other business", "far", "follow-up without answer",
]  # fmt: skip
"""What is hard about a question. The second line has no answer in the documents: it sounds as if
it had one (near), is another business's, is nobody's (far), or follows a question that has one."""

BUSINESSES: Final[Mapping[BusinessName, Business]] = {
    "bicycles": HARBOUR_BIKES,
    "dental": LINDEN_DENTAL,
}

_DEMO_FILE = Path(__file__).with_name("demo_questions.jsonl")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Said(_Frozen):
    sender: Literal["user", "assistant"]
    text: str


class DemoQuestion(_Frozen):
    """A question to one of the demo's businesses, with what a right answer rests on and holds."""

    id: str
    business: BusinessName
    kind: Kind
    language: str
    text: str
    history: tuple[Said, ...] = ()
    document: str | None = None
    """Title of the document that answers; None: the documents do not."""
    phrase: str | None = None
    """What of it answers, word by word."""
    answer: tuple[str, ...] = ()
    """Every one is in a right answer; ways to write one are separated by `|`."""

    @property
    def answerable(self) -> bool:
        return self.document is not None

    @property
    def utterances(self) -> list[Utterance]:
        """The history, as the transcript has it."""
        return [Utterance(sender=s.sender, text=s.text, sent_at=NOW) for s in self.history]

    @property
    def queries(self) -> list[str]:
        """What the product searches for."""
        return retrieval_query([self.text], history=self.utterances).queries


def demo_questions() -> list[DemoQuestion]:
    lines = _DEMO_FILE.read_text(encoding="utf-8").splitlines()
    return [DemoQuestion.model_validate_json(line) for line in lines]


class FaqPair(_Frozen):
    """A question, and the answer without the question, which is all that is searched."""

    id: str
    question: str
    answer: str


FaqLanguage = Literal["en", "sv"]


def faq_pairs(language: FaqLanguage) -> Sequence[FaqPair]:
    """All 503 of "Swedish Construction FAQ by Zaragoza AB, CC BY 4.0", the same ids in each."""
    rows = zaragoza_construction_faq.load(lang=language)
    return [FaqPair(id=row["id"], question=row["q"], answer=row["a"]) for row in rows]
