"""Questions with their answers, as businesses keep them: in a table, or as JSON."""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any, Final, NamedTuple

MOST_PAIRS: Final = 2_000
LONGEST_QUESTION: Final = 500
LONGEST_ANSWER: Final = 20_000

_QUESTION: Final = frozenset({"question", "q", "pregunta", "frage", "pergunta", "fråga", "title"})
_ANSWER: Final = frozenset({"answer", "a", "respuesta", "antwort", "resposta", "svar", "réponse"})


class FaqError(ValueError):
    """The message is a sentence that says what is wrong, and where."""


class Pair(NamedTuple):
    question: str
    answer: str

    @property
    def key(self) -> str:
        """The same for the same question, whatever its answer, spacing and capitals."""
        return sha256(" ".join(self.question.casefold().split()).encode()).hexdigest()[:32]

    def markdown(self) -> str:
        return f"# {self.question}\n\n{self.answer}\n"


def read_faq(text: str) -> list[Pair]:
    """The pairs of a JSON list of objects, or of a table (CSV) whose first line names its columns.

    Raises:
        FaqError: it is neither, or a pair is incomplete.
    """
    start = text.lstrip("\ufeff \t\r\n")
    if start.startswith(("[", "{")):
        return checked(_of_json(start))
    return checked(_of_table(text.lstrip("\ufeff")))


def write_faq(pairs: Iterable[Pair]) -> str:
    """As `read_faq` reads it; the same for the same pairs."""
    return json.dumps([pair._asdict() for pair in pairs], ensure_ascii=False)


def checked(pairs: Iterable[Pair]) -> list[Pair]:
    """The pairs, trimmed, when each is complete and no question is asked twice."""
    kept: dict[str, Pair] = {}
    for number, given in enumerate(pairs, start=1):
        pair = Pair(" ".join(given.question.split()), given.answer.strip())
        if not pair.question or not pair.answer:
            missing = "question" if not pair.question else "answer"
            raise FaqError(f"Pair {number} has no {missing}.")
        if len(pair.question) > LONGEST_QUESTION or len(pair.answer) > LONGEST_ANSWER:
            raise FaqError(
                f"Pair {number} is too long: a question has at most {LONGEST_QUESTION} and an "
                f"answer at most {LONGEST_ANSWER:,} characters."
            )
        if pair.key in kept:
            raise FaqError(f"Pair {number} asks a question that an earlier pair asks already.")
        kept[pair.key] = pair
        if len(kept) > MOST_PAIRS:
            raise FaqError(f"There are more than {MOST_PAIRS:,} pairs: make several sources.")
    if not kept:
        raise FaqError("There is no question with an answer.")
    return list(kept.values())


def _of_json(text: str) -> Iterable[Pair]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise FaqError("It begins like JSON and is none.") from None
    if isinstance(data, dict):
        lists = [value for value in data.values() if isinstance(value, list)]
        data = lists[0] if len(lists) == 1 else data
    if not isinstance(data, list) or not all(isinstance(entry, dict) for entry in data):
        raise FaqError("The JSON must be a list of objects with `question` and `answer`.")
    return [_pair(entry) for entry in data]


def _of_table(text: str) -> Iterable[Pair]:
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    try:
        rows = list(csv.DictReader(io.StringIO(text), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise FaqError(f"The table cannot be read: {error}.") from None
    if not rows:
        raise FaqError("There is no question with an answer.")
    names = {str(name).strip().casefold() for name in rows[0] if name}
    if not (names & _QUESTION and names & _ANSWER):
        raise FaqError("The table's first line must name the columns `question` and `answer`.")
    return [_pair(row) for row in rows if any(row.values())]


def _pair(entry: Mapping[Any, Any]) -> Pair:
    named = {str(name).strip().casefold(): value for name, value in entry.items()}

    def value(names: frozenset[str]) -> str:
        found = next((named[name] for name in named if name in names), None)
        return found if isinstance(found, str) else ""

    return Pair(value(_QUESTION), value(_ANSWER))
