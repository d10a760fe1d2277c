"""What became of people's questions, as the simulator's books have it.

A question has a number in its text, and its answer repeats the number; an answer to several
questions repeats all of theirs. Meta delivers a webhook that was not acknowledged again later, and
does not hold back newer ones for it. So two questions must be answered in order when the first one
was acknowledged before the second one was delivered for the first time.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from bench.instant import QUESTION_NUMBER


@dataclass(frozen=True)
class Question:
    number: str
    person_id: str
    asked_at: float
    acknowledged_at: float | None
    attempts: int
    """Deliveries until it was acknowledged."""


@dataclass(frozen=True)
class Answer:
    """A message of the business, with the numbers that it repeats: none in a fallback."""

    person_id: str
    numbers: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    questions: int
    answers: int
    """Messages of the business, of whatever kind."""
    numberless: int
    """Those of them that answer nothing: a fallback, say."""
    twice: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    out_of_order: list[tuple[str, str]] = field(default_factory=list)
    unacknowledged: int = 0
    redelivered: int = 0

    @property
    def is_good(self) -> bool:
        return not (self.twice or self.missing or self.out_of_order)


class Books:
    """The simulator's database, looked at while it runs."""

    def __init__(self, path: Path) -> None:
        self._uri = f"{path.resolve().as_uri()}?mode=ro"

    def answers(self, *, after: int = 0) -> tuple[list[Answer], int]:
        """Those after the row `after`, in the order in which Meta took them; the last row."""
        found, last = [], after
        for row, person_id, content in self._rows(
            "SELECT seq, person_id, content FROM messages"
            " WHERE direction = 'outbound' AND seq > ? ORDER BY seq",
            after,
        ):
            found.append(Answer(person_id, _numbers_in(content)))
            last = row
        return found, last

    def questions(self) -> list[Question]:
        """In the order in which people wrote them."""
        return [
            Question(numbers[0], person_id, asked_at, acknowledged_at, attempts)
            for person_id, content, asked_at, acknowledged_at, attempts in self._rows(
                "SELECT m.person_id, m.content, m.at, max(d.finished_at), min(d.attempts)"
                " FROM messages AS m JOIN deliveries AS d"
                " ON d.message_id = m.id AND d.kind = 'message'"
                " WHERE m.direction = 'inbound' GROUP BY m.id ORDER BY m.seq"
            )
            if (numbers := _numbers_in(content))
        ]

    def undelivered(self) -> int:
        """Webhooks that nobody has acknowledged yet, statuses too."""
        ((count,),) = self._rows("SELECT count(*) FROM deliveries WHERE state = 'pending'")
        return int(count)

    def _rows(self, query: str, *values: object) -> list[tuple]:  # type: ignore[type-arg]
        with closing(sqlite3.connect(self._uri, uri=True, timeout=10)) as connection:
            return connection.execute(query, values).fetchall()


def judge(questions: Sequence[Question], answers: Sequence[Answer]) -> Verdict:
    """Compare what was asked with what came back.

    Args:
        questions: in the order in which people wrote them.
        answers: in the order in which Meta took them.
    """
    times = Counter(number for answer in answers for number in answer.numbers)
    place = {
        number: index
        for index, answer in reversed(list(enumerate(answers)))
        for number in answer.numbers
    }
    by_person: dict[str, list[Question]] = {}
    for question in questions:
        by_person.setdefault(question.person_id, []).append(question)
    out_of_order = [
        (first.number, second.number)
        for asked in by_person.values()
        for index, first in enumerate(asked)
        for second in asked[index + 1 :]
        if _came_first(first, second)
        and first.number in place
        and second.number in place
        and place[first.number] > place[second.number]
    ]
    return Verdict(
        questions=len(questions),
        answers=len(answers),
        numberless=sum(not answer.numbers for answer in answers),
        twice=sorted(number for number, count in times.items() if count > 1),
        missing=[question.number for question in questions if not times[question.number]],
        out_of_order=out_of_order,
        unacknowledged=sum(question.acknowledged_at is None for question in questions),
        redelivered=sum(question.attempts > 1 for question in questions),
    )


def _came_first(first: Question, second: Question) -> bool:
    """A person's webhooks are tried one after the other; only a retry comes behind newer ones."""
    if first.acknowledged_at is None:
        return False
    return first.attempts == 1 or first.acknowledged_at < second.asked_at


def _numbers_in(content: str) -> tuple[str, ...]:
    body = json.loads(content)
    text = body.get("body") if isinstance(body, dict) else None
    return tuple(dict.fromkeys(QUESTION_NUMBER.findall(text or "")))
