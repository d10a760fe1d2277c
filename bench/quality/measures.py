"""The figures of a ranking, of an answer and of an abstention, each from plain lists.

A question may have its answer in several passages, because neighbours overlap: it counts as found
when any of them is.
"""

import unicodedata
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np

DEPTH = 8
"""Ranks that count: as many passages as a reply is written from."""
RESAMPLES = 2_000
SEED = 7
"""The same run twice gives the same intervals."""

Id = TypeVar("Id", bound=Hashable)


@dataclass(frozen=True)
class Estimate:
    """A mean and its 95 % interval, by the percentiles of a bootstrap over the questions."""

    value: float
    low: float
    high: float


class Ranked(NamedTuple):
    """What one ranking is worth to one question, each 0 to 1."""

    first: float
    """Recall at 1."""
    fifth: float
    """Recall at 5."""
    reciprocal: float
    """1 / rank of the first right passage, 0 when none is among the first `DEPTH`."""


def ranked(ranking: Sequence[Id], *, gold: Collection[Id]) -> Ranked:
    """Recall at 1 and 5, and the reciprocal rank, of `ranking`, best first."""
    place = next((n for n, each in enumerate(ranking[:DEPTH], 1) if each in gold), None)
    if place is None:
        return Ranked(0.0, 0.0, 0.0)
    return Ranked(float(place == 1), float(place <= 5), 1 / place)


def estimate(values: Sequence[float]) -> Estimate:
    """The mean of `values`; nan where there are none."""
    if not values:
        return Estimate(float("nan"), float("nan"), float("nan"))
    given = np.asarray(values, dtype=np.float64)
    generator = np.random.default_rng(SEED)
    drawn = generator.integers(0, len(given), size=(RESAMPLES, len(given)))
    low, high = np.percentile(given[drawn].mean(axis=1), [2.5, 97.5])
    return Estimate(float(given.mean()), float(low), float(high))


def difference(ours: Sequence[float], theirs: Sequence[float]) -> Estimate:
    """How far `ours` is ahead on the same questions, which are drawn in pairs."""
    return estimate([one - other for one, other in zip(ours, theirs, strict=True)])


@dataclass(frozen=True)
class Abstention:
    """How well it is told when nothing can be answered."""

    precision: Estimate
    """Of the questions that were turned away, the share that has no answer in the documents."""
    recall: Estimate
    """Of the questions without an answer, the share that was turned away."""
    turned_away: Estimate
    """Of the questions with an answer, the share that was turned away all the same."""

    def holds(self, floor: float) -> bool:
        """Whether precision and recall are at least `floor`."""
        return self.precision.value >= floor and self.recall.value >= floor


def abstention(*, abstained: Sequence[bool], answerable: Sequence[bool]) -> Abstention:
    pairs = list(zip(abstained, answerable, strict=True))
    return Abstention(
        precision=estimate([float(not can) for said_no, can in pairs if said_no]),
        recall=estimate([float(said_no) for said_no, can in pairs if not can]),
        turned_away=estimate([float(said_no) for said_no, can in pairs if can]),
    )


def area_under_curve(scores: Sequence[float], *, positive: Sequence[bool]) -> float:
    """Chance that a positive scores higher than a negative; equal scores count half."""
    yes = [score for score, is_one in zip(scores, positive, strict=True) if is_one]
    no = [score for score, is_one in zip(scores, positive, strict=True) if not is_one]
    if not yes or not no:
        return float("nan")
    ahead = np.subtract.outer(np.asarray(yes), np.asarray(no))
    return float(((ahead > 0) + 0.5 * (ahead == 0)).mean())


@dataclass(frozen=True)
class Threshold:
    """What abstaining below a score would have come to."""

    below: float
    precision: float
    recall: float
    turned_away: float

    @property
    def balance(self) -> float:
        """Harmonic mean of precision and recall."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def sweep(scores: Sequence[float], *, answerable: Sequence[bool]) -> list[Threshold]:
    """Every threshold that makes a difference, lowest first."""
    given, can = np.asarray(scores), np.asarray(answerable)
    found: list[Threshold] = []
    for below in sorted(set(scores)):
        said_no = given < below
        right = int((said_no & ~can).sum())
        found.append(
            Threshold(
                below=below,
                precision=right / int(said_no.sum()) if said_no.any() else 1.0,
                recall=right / max(1, int((~can).sum())),
                turned_away=int((said_no & can).sum()) / max(1, int(can.sum())),
            )
        )
    return found


def holds(text: str, *, gold: Sequence[str]) -> bool:
    """Whether every one of `gold` is in `text`, however it is marked up or spaced.

    Args:
        gold: each may give alternatives, separated by `|`.
    """
    said = normalised(text)
    return all(any(normalised(way) in said for way in each.split("|")) for each in gold)


def normalised(text: str) -> str:
    """`text` in small letters, without marks of Markdown or WhatsApp and with single spaces."""
    plain = unicodedata.normalize("NFKC", text).casefold().translate(_MARKS)
    return " ".join(plain.split())


_MARKS = str.maketrans({"|": " ", "*": "", "_": "", "`": "", "~": ""})
