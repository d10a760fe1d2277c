"""The part of docs/quality.md on searching: every leg, their mix, and other ways to rank."""

from collections.abc import Sequence
from statistics import fmean

from adapters.retrieval import CANDIDATES
from bench.quality.legs import BM25, FUSED, LEGS, MEANING, PRODUCT, STEMMED, WORDS
from bench.quality.measures import DEPTH
from bench.quality.results import Results, SetResult, WeightResult
from bench.quality.tables import interval, signed, table
from domain.fusion import LEXICAL_WEIGHT

LEG_NAMES = {
    BM25: "plain BM25",
    STEMMED: "BM25 on PostgreSQL's stems",
    WORDS: "words: PostgreSQL's full text alone",
    MEANING: "meaning: vectors alone",
    FUSED: "both, mixed",
    PRODUCT: "**Parley's search as it is**",
}


def search(results: Results) -> str:
    tables = [_set_table(each) for each in results.sets]
    return f"""
## Searching

Recall is the share of the questions with a passage that holds the answer at rank 1, or among the
first five. MRR is the mean of 1 / rank, over the first {DEPTH}: as many as a reply is written from.

{(chr(10) * 2).join(tables)}"""


def _set_table(each: SetResult) -> str:
    rows = [
        (
            LEG_NAMES[leg.leg],
            interval(leg.recall_at_1),
            interval(leg.recall_at_5),
            interval(leg.mrr),
        )
        for leg in sorted(each.legs, key=lambda leg: LEGS.index(leg.leg))
    ]
    title = f"{each.name}: {each.questions} questions, {each.passages} passages"
    return table((title, "recall@1", "recall@5", "MRR"), rows)


def mixing(results: Results) -> str:
    rows = [
        (each.name, signed(each.ahead_of_words), signed(each.ahead_of_meaning), _compared(each))
        for each in results.sets
    ]
    return f"""
### Is the mix ahead of both of its legs?

The difference in MRR, question by question:

{table(("set", "ahead of words", "ahead of meaning", "so"), rows)}

{_why(results)}"""


def _compared(each: SetResult) -> str:
    if each.ahead.low > 0:
        return "ahead of both"
    if each.ahead.high < 0:
        return f"behind {each.better.leg} alone"
    return f"level with {each.better.leg} alone, within the interval"


def _why(results: Results) -> str:
    """Where the mix is not ahead: what the weaker leg adds there."""
    lines = []
    for each in results.sets:
        if each.ahead.low > 0:
            continue
        weaker, better = each.weaker, each.better
        lines.append(
            f"- {each.name}: {weaker.leg} alone has the answer first for "
            f"{weaker.recall_at_1.value:.0%} of the questions, {better.leg} for "
            f"{better.recall_at_1.value:.0%}. Against {better.leg} alone the mix moves the answer "
            f"up for {each.won} questions and down for {each.lost}: "
            + (
                "that leg is much the weaker one, and has little but noise to add."
                if weaker.recall_at_1.value < better.recall_at_1.value / 2
                else "what the weaker leg adds and what it spoils cancel out."
            )
        )
    return "\n".join(lines)


def constants(results: Results) -> str:
    names = [each.name for each in results.sets]
    return f"""
### The constants of the mix

MRR with other shares of the words in the mix (Parley's in bold):

{_constant_table("share", names, results.weights, chosen=LEXICAL_WEIGHT)}

{_best(results.weights, chosen=LEXICAL_WEIGHT)}

MRR with other numbers of candidates of each leg:

{_constant_table("candidates", names, results.candidates, chosen=CANDIDATES)}

{_best(results.candidates, chosen=CANDIDATES)}

### Other units

A long passage is about many things, and its vector about none of them: Parley gives each part of it
a vector, and the closest one speaks for the passage. Here the same is done with whole passages,
with blocks (a paragraph, a list, a table, an answer to a question) and with sentences. MRR, with
recall@1 and recall@5 in brackets.

{_variant_table(results)}"""


def _best(values: Sequence[WeightResult], *, chosen: float) -> str:
    """The best value if every set counts alike."""

    def worth(each: WeightResult) -> float:
        return fmean(each.mrr.values())

    best, ours = max(values, key=worth), next(each for each in values if each.value == chosen)
    if best is ours:
        return f"With every set counted alike, {chosen:g} is the best of these."
    return (
        f"With every set counted alike, {best.value:g} would be the best of these: an MRR of "
        f"{worth(best):.3f} on average, against {worth(ours):.3f} with {chosen:g}."
    )


def _constant_table(
    title: str, names: Sequence[str], values: Sequence[WeightResult], *, chosen: float
) -> str:
    rows = [
        (
            f"**{each.value:g}**" if each.value == chosen else f"{each.value:g}",
            *(f"{each.mrr[name]:.3f}" for name in names),
        )
        for each in values
    ]
    return table((title, *names), rows)


def _variant_table(results: Results) -> str:
    names = list(results.variants[0].mrr)
    legs = {each.name: each.leg(FUSED) for each in results.sets}
    rows = [
        (
            "the mix as it is",
            *(
                _in_brief(leg.mrr.value, leg.recall_at_1.value, leg.recall_at_5.value)
                for leg in (legs[name] for name in names)
            ),
        )
    ]
    rows += [
        (
            each.name,
            *(
                _in_brief(each.mrr[name], each.recall_at_1[name], each.recall_at_5[name])
                for name in names
            ),
        )
        for each in results.variants
    ]
    return table(("ranking", *names), rows)


def _in_brief(mrr: float, first: float, fifth: float) -> str:
    return f"{mrr:.3f} ({first:.2f}, {fifth:.2f})"
