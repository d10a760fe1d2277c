"""What the offline model answers on the demo: hits and abstentions, held to a floor."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import mammoth
import numpy as np
import pypdfium2
import pytest
from semantic_text_splitter import MarkdownSplitter

from adapters.openai.tokens import count_tokens
from domain.answer import read_answer
from domain.prompt import Passage, Persona, Utterance, build_prompt
from domain.retrieval_query import retrieval_query
from local.demo.businesses import HARBOUR_BIKES, LINDEN_DENTAL, Business, DemoDocument
from local.model.answering import ExtractiveAnswerer
from local.model.embedder import Embedder, Vector
from local.model.prompt_reader import read_prompt
from tests.local.demo.questions import (
    ANSWERED,
    FOLLOW_UPS,
    UNANSWERED,
    UNANSWERED_IN_CONTEXT,
    WITH_SLIPS,
    Labelled,
)

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
BUSINESSES = {"bicycles": HARBOUR_BIKES, "dental": LINDEN_DENTAL}
RETRIEVED = 5


@dataclass(frozen=True)
class Given:
    """What came of one labelled question."""

    labelled: Labelled
    text: str
    cited: list[str]

    @property
    def is_right(self) -> bool:
        if self.labelled.holds is None:
            return not self.cited
        return all(part in self.text for part in self.labelled.holds)


class Demo:
    """Retrieval by plain cosine, Parley's prompt, the offline answerer, Parley's reading of it."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._answerer = ExtractiveAnswerer(embedder)
        self._passages: dict[str, tuple[list[Passage], Vector]] = {}

    async def ask(self, labelled: Labelled) -> Given:
        history = [Utterance(sender="user", text=t, sent_at=NOW) for t in labelled.earlier]
        found = await self._retrieve(
            labelled.business, retrieval_query([labelled.text], history=history).queries
        )
        business = BUSINESSES[labelled.business]
        prompt = build_prompt(
            [Utterance(sender="user", text=labelled.text, sent_at=NOW)],
            persona=Persona(
                name=business.assistant_name,
                instructions=business.instructions,
                organization_name=business.name,
                language=business.language,
            ),
            history=history,
            passages=found,
            now=NOW,
            count_tokens=count_tokens,
        )
        raw = await self._answerer.answer(
            read_prompt([message.model_dump() for message in prompt.messages])
        )
        answer = read_answer(raw, passages=prompt.passages)
        return Given(labelled, answer.text, answer.cited_passage_ids)

    async def _retrieve(self, business: str, queries: Sequence[str]) -> list[Passage]:
        if business not in self._passages:
            passages = [p for d in BUSINESSES[business].documents for p in passages_of(d)]
            texts = [f"{passage.title}\n{passage.text}" for passage in passages]
            vectors = await self._embedder.embed(texts, is_query=False)
            self._passages[business] = (passages, vectors)
        passages, vectors = self._passages[business]
        asked = await self._embedder.embed(queries, is_query=True)
        closest = np.argsort(-(vectors @ asked.T).max(axis=1))
        return [passages[int(index)] for index in closest[:RETRIEVED]]


def passages_of(document: DemoDocument) -> list[Passage]:
    splitter = MarkdownSplitter.from_callback(count_tokens, (400, 512), overlap=50)
    return [
        Passage(id=f"{document.title}-{number}", title=document.title, text=text)
        for number, text in enumerate(splitter.chunks(text_of(document)))
    ]


def text_of(document: DemoDocument) -> str:
    if document.path.suffix == ".pdf":
        with pypdfium2.PdfDocument(document.path) as pdf:
            pages = [page.get_textpage().get_text_bounded() for page in pdf]
        return "\n\n".join(pages).replace("\r\n", "\n")
    if document.path.suffix == ".docx":
        with document.path.open("rb") as file:
            html: str = mammoth.convert_to_html(file).value
        for level in (1, 2):
            html = html.replace(f"<h{level}>", "\n\n" + "#" * level + " ")
            html = html.replace(f"</h{level}>", "\n\n")
        return html.replace("<p>", "").replace("</p>", "\n\n").strip()
    return document.path.read_text()


@pytest.fixture(scope="module")
def demo() -> Demo:
    return Demo(Embedder(threads=2))


async def share_right(demo: Demo, questions: Sequence[Labelled]) -> tuple[float, str]:
    given = [await demo.ask(labelled) for labelled in questions]
    wrong = "\n".join(f"{g.labelled.text} -> {g.text!r}" for g in given if not g.is_right)
    return sum(g.is_right for g in given) / len(given), wrong


@pytest.mark.parametrize(
    ("questions", "floor"),
    [
        pytest.param(ANSWERED, 0.80, id="answered"),
        pytest.param(FOLLOW_UPS, 0.90, id="follow-ups"),
        pytest.param(WITH_SLIPS, 0.80, id="with slips"),
        pytest.param(UNANSWERED, 0.90, id="abstained"),
        pytest.param(UNANSWERED_IN_CONTEXT, 0.85, id="abstained in context"),
    ],
)
async def test_the_demo_is_answered_as_well_as_when_it_was_calibrated(
    demo: Demo, questions: Sequence[Labelled], floor: float
) -> None:
    share, wrong = await share_right(demo, questions)
    assert share >= floor, f"{share:.3f}\n{wrong}"


@pytest.mark.parametrize("business", [HARBOUR_BIKES, LINDEN_DENTAL], ids=lambda b: b.name)
async def test_suggested_questions_are_ones_that_come_out_well(
    demo: Demo, business: Business
) -> None:
    known = {
        (BUSINESSES[q.business].name, q.text): q for q in [*ANSWERED, *FOLLOW_UPS, *UNANSWERED]
    }
    for text in business.suggested_questions:
        given = await demo.ask(known[(business.name, text)])
        assert given.is_right, given


async def test_the_two_businesses_answer_the_same_question_differently(demo: Demo) -> None:
    cancelling = "Can I cancel my appointment?"
    bikes = await demo.ask(Labelled("bicycles", cancelling, ()))
    dental = await demo.ask(Labelled("dental", cancelling, ()))
    assert "24 hours" in bikes.text
    assert "48 hours" in dental.text
    assert bikes.cited != dental.cited
