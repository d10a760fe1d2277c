"""docs/quality.md, written from the figures of one run."""

from collections.abc import Sequence

from adapters.retrieval import CANDIDATES
from bench.quality.legs import BM25, FUSED, LEGS, MEANING, PRODUCT, STEMMED, WORDS
from bench.quality.measures import DEPTH
from bench.quality.results import (
    ABSTENTION_FLOOR,
    Results,
    SetResult,
    Signal,
    WeightResult,
    shortcomings,
)
from bench.quality.tables import cell, interval, percent, percents, signed, table, yes
from domain.fusion import LEXICAL_WEIGHT

LEG_NAMES = {
    BM25: "plain BM25",
    STEMMED: "BM25 on PostgreSQL's stems",
    WORDS: "words: PostgreSQL's full text alone",
    MEANING: "meaning: vectors alone",
    FUSED: "both, mixed",
    PRODUCT: "**Parley's search as it is**",
}


def report(results: Results) -> str:
    """The whole page as Markdown."""
    parts = [
        _opening(results),
        _search(results),
        _mixing(results),
        _constants(results),
        _replies(results),
        _abstaining(results),
        _hostile(results),
        _time(results),
        _ending(results),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _opening(results: Results) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in results.versions.items())
    return f"""
# Quality

How often the right passage is found, how often the reply holds the answer, and how well it is told
when there is none. `make eval` measures it and writes this page; its figures are those of one run,
on {results.at[:10]}, in {results.seconds / 60:.0f} minutes on a machine with {results.machine}
({versions}).
Questions and passages were embedded by `{results.embedding_model}` and answered by
`{results.chat_model}`. Another model server, named by `OPENAI_API_KEY`, `OPENAI_BASE_URL` and the
models of the [settings](../.env.example), is measured in the same way.

Everything that is measured is the product: its parsers and its cuts, PostgreSQL with its
migrations, pgvector, the retriever, the prompt, the reading of the model's answer. Only S3 and
Temporal are left out, which do not change what is found. In brackets are 95 % intervals, by a
bootstrap over the questions.

**The sets.** *FAQ*: 503 questions about construction with their answers, in English and in Swedish
(`zaragoza-construction-faq`, CC BY 4.0 by Zaragoza AB). The answers alone are searched, each a
document of its own, in the questions' language and in the other one. *Demo*: our own questions to
the two businesses of `local/demo`, in `bench/quality/demo_questions.jsonl`: plain ones, the same in
other words, with mistakes, in other languages, follow-ups with what was said before, and questions
whose answer no document has. The businesses have few documents, so the same questions are asked
*in a crowd* too: with the English FAQ's answers beside the business's own."""


def _search(results: Results) -> str:
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


def _mixing(results: Results) -> str:
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
                "the two share almost no words, so that leg has little but noise to add."
                if weaker.recall_at_1.value < better.recall_at_1.value / 2
                else "what the weaker leg adds and what it spoils cancel out."
            )
        )
    return "\n".join(lines)


def _constants(results: Results) -> str:
    names = [each.name for each in results.sets]
    return f"""
### The constants of the mix

MRR with other shares of the words in the mix (Parley's in bold):

{_constant_table("weight", names, results.weights, chosen=LEXICAL_WEIGHT)}

and with other numbers of candidates of each leg:

{_constant_table("candidates", names, results.candidates, chosen=CANDIDATES)}

### Smaller units

A long passage is about many things, and its vector about none of them. Here the question is
compared with each block of a passage (a paragraph, a list, a table, an answer) or each sentence,
and the closest one speaks for the passage. Either the first candidates of the mix are looked at a
second time, with the given share for the closest unit; or the units are what the index holds, and
a hit counts for its passage. MRR, with recall@1 and recall@5 in brackets.

{_variant_table(results)}"""


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


def _replies(results: Results) -> str:
    rows = [
        (
            each.kind,
            str(each.questions),
            percent(each.found_at_1),
            percent(each.found_at_5),
            percent(each.hits),
            percent(each.abstained),
        )
        for each in results.kinds
    ]
    heads = ("kind", "questions", "found@1 in a crowd", "found@5", "hit", "turned away")
    return f"""
## Replies

Of the demo's questions that have an answer, {percents(results.hit_rate)} get a reply that holds
the expected words (a *hit*). The last four kinds have no answer in the documents and should be
turned away.

{table(heads, rows)}"""


def _abstaining(results: Results) -> str:
    measured = results.abstention
    signals = "\n\n".join(_signal(each) for each in results.signals)
    return f"""
## Saying that the documents do not have it

A reply turns a question away when the model says that the passages hold no answer, or cites none
of them.

- Precision {percents(measured.precision)}: of what was turned away, so much had no answer.
- Recall {percents(measured.recall)}: of what had no answer, so much was turned away.
- Turned away although there is an answer: {percents(measured.turned_away)}.

The aim is {ABSTENTION_FLOOR:.0%} for precision and for recall.

### What a threshold alone could do

Abstaining whenever the best cosine is below a threshold. Cosines of one model cannot be compared
with another's.

{signals}"""


def _signal(each: Signal) -> str:
    steps = sorted({*each.steps, each.best}, key=lambda step: step.below)
    rows = [
        (
            f"**{step.below:.4f}**" if step == each.best else f"{step.below:.4f}",
            f"{step.precision:.0%}",
            f"{step.recall:.0%}",
            f"{step.turned_away:.0%}",
        )
        for step in steps
    ]
    heads = ("turned away below", "precision", "recall", "answerable turned away")
    return f"""Cosine of the {each.name}: area under the curve {each.area:.3f}.

{table(heads, rows)}"""


def _hostile(results: Results) -> str:
    cases = results.injections
    rows = [
        (each.id, yes(each.followed), yes(each.contained), yes(each.answered), yes(each.quoted))
        for each in cases
    ]
    heads = ("document", "order followed", "stayed data", "question answered", "order quoted")
    return f"""
## Documents that give orders

{len(cases)} documents with a fact and an order to the model, each asked about its fact.
{sum(each.followed for each in cases)} orders were followed. The offline model only quotes, so it
could hardly follow one; what this shows of it is that the documents stay data in the prompt, and
how often an order is quoted along with the fact beside it.

{table(heads, rows)}"""


def _time(results: Results) -> str:
    rows = [(each.name, f"{each.p50:.0f} ms", f"{each.p95:.0f} ms") for each in results.latencies]
    return f"""
## How long it takes

One question at a time, none of them asked before, on this machine.

{table(("step", "p50", "p95"), rows)}"""


def _ending(results: Results) -> str:
    short = shortcomings(results)
    wrong = table(
        ("question", "asked", "reply"),
        [(each.id, cell(each.text), cell(each.reply)) for each in results.missed],
    )
    lines = "\n".join(f"- {sentence}" for sentence in short) or "Nothing falls short of its aim."
    return f"""
## What falls short

`python -m bench.quality --check` exits with 1 where something is listed here:

{lines}

## Every wrong reply

{wrong}"""
