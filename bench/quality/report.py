"""docs/quality.md, written from the figures of one run."""

from bench.quality.report_search import constants, mixing, search
from bench.quality.results import (
    ABSTENTION_FLOOR,
    Results,
    Signal,
    shortcomings,
)
from bench.quality.tables import cell, percent, percents, table, yes


def report(results: Results) -> str:
    """The whole page as Markdown."""
    parts = [
        _opening(results),
        search(results),
        mixing(results),
        constants(results),
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

The offline model's threshold, and how it mends slips, were chosen with these questions in sight: on
others its replies are likely to be worse than here.

### What a threshold alone could do

Abstaining whenever the best cosine is below a threshold; the threshold with the best harmonic mean
of precision and recall is in bold. Cosines of one model cannot be compared with another's, nor
those of questions in one language with those in another: the same meaning scores lower when
question and documents are in different languages.

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
    return f"""**Cosine of the {each.name}**: area under the curve {each.area:.3f}.

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

One question at a time, none of them asked before, on this machine, whose load average was
{results.load} then.

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
