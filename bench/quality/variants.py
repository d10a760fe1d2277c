"""What other units would bring: a vector of each passage, block or sentence in place of the parts.

The question is compared with each unit of a passage, and the closest one speaks for the passage, as
the product has it with parts.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from adapters.retrieval import CANDIDATES
from bench.quality.legs import Found, best_of, first
from bench.quality.library import Filed
from bench.quality.measures import ranked
from bench.quality.results import VariantResult
from bench.quality.retrieval import Asked, QuestionSet
from bench.quality.stage import Stage
from bench.quality.units import UNITS, UnitVectors, Vectors, embedded
from contracts.ids import PassageId
from domain import fusion

Closest = Sequence[Mapping[PassageId, float]]
"""For each query of a question, the cosine of each passage's closest unit."""
Ranking = Callable[[Found, Closest], list[PassageId]]


async def try_variants(
    stage: Stage, sets: Sequence[QuestionSet], *, filed: Mapping[PassageId, Filed]
) -> list[VariantResult]:
    """Each variant on each set."""
    queries = [query for each in sets for asked in each.asked for query in asked.queries]
    vectors = await embedded(stage, queries, kind="query")
    results = []
    for unit in UNITS:
        by_scope: dict[frozenset[str], UnitVectors] = {}
        for asked in (asked for each in sets for asked in each.asked):
            if asked.scope not in by_scope:
                own = [one for one in filed.values() if one.knowledge_base_id in asked.scope]
                by_scope[asked.scope] = await UnitVectors.of(stage, own, unit)
        for name, ranking in _rankings().items():
            worth = {
                each.name: [
                    ranked(ranking(found, _closest(asked, by_scope, vectors)), gold=asked.gold)
                    for asked, found in zip(each.asked, each.found, strict=True)
                ]
                for each in sets
            }
            results.append(
                VariantResult(
                    name=name.format(unit=unit),
                    recall_at_1={n: float(np.mean([r.first for r in w])) for n, w in worth.items()},
                    recall_at_5={n: float(np.mean([r.fifth for r in w])) for n, w in worth.items()},
                    mrr={n: float(np.mean([r.reciprocal for r in w])) for n, w in worth.items()},
                )
            )
    return results


def _closest(
    asked: Asked, by_scope: Mapping[frozenset[str], UnitVectors], vectors: Mapping[str, Vectors]
) -> Closest:
    return [by_scope[asked.scope].closest(vectors[query]) for query in asked.queries]


def _rankings() -> dict[str, Ranking]:
    return {
        "index of each {unit}, alone": lambda _found, closest: best_of(closest),
        "index of each {unit}, mixed with words": _indexed,
    }


def _indexed(found: Found, closest: Closest) -> list[PassageId]:
    """The product's mix, as if the vectors were of the units."""
    mixed = fusion.best_per_passage(
        fusion.fuse(first(by_meaning, CANDIDATES), lexical=first(by_words, CANDIDATES))
        for by_meaning, by_words in zip(closest, found.by_words, strict=True)
    )
    return [passage.passage_id for passage in mixed]
