"""An answer without the sentences that have no ground."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import regex

from domain.formatting import to_whatsapp
from domain.grounding import Claim, Grounds
from domain.message_parts import SENTENCE_END

_MARKERS = regex.compile(r"(?:\[\^?\d[^\[\]\n]*\](?:\([^()\s]*\))?|【\d[^】\n]*】)+")
_MARKERS_IN_FRONT = regex.compile(rf"{_MARKERS.pattern}[.,;]?\s*")


@dataclass(frozen=True, slots=True)
class Kept:
    """What may be sent of an answer, in Markdown; empty when nothing may."""

    text: str
    left_out: tuple[Claim, ...] = ()
    """The claims without a ground, for which sentences were left out."""


def without_ungrounded(answer: str, *, grounds: Grounds) -> Kept:
    """`answer` without the sentences, list items and table rows that claim what nobody told.

    Whatever the sentences are, the whole is looked at once more as it will be shown: a claim made
    of several of them leaves nothing of the answer.
    """
    pieces = list(_pieces(answer))
    lacking = [grounds.lacking(_as_shown(piece)) for piece in pieces]
    left_out = tuple(claim for claims in lacking for claim in claims)
    if left_out:
        answer = _joined((piece, not claims) for piece, claims in zip(pieces, lacking, strict=True))
    hidden = tuple(grounds.lacking(_as_shown(answer)))
    return Kept("" if hidden else answer, left_out=left_out + hidden)


def _pieces(text: str) -> Iterator[str]:
    """Sentences and lines, each with the white space and the citations that follow it."""
    start = 0
    for end in SENTENCE_END.finditer(text):
        cited = _MARKERS_IN_FRONT.match(text, end.end())
        cut = cited.end() if cited and "\n" not in end.group() else end.end()
        if cut > start:
            yield text[start:cut]
            start = cut
    if text[start:]:
        yield text[start:]


def _joined(pieces: Iterable[tuple[str, bool]]) -> str:
    """The pieces that are kept, without the lines that held nothing else."""
    text = ""
    for piece, is_kept in pieces:
        if is_kept:
            text += piece
            continue
        breaks = piece[len(piece.rstrip()) :].count("\n")
        text = text.rstrip(" \t") if breaks else text
        text += "\n" * (breaks - 1 if text.endswith("\n") else breaks)
    return regex.sub(r"\n{3,}", "\n\n", text).strip()


def _as_shown(markdown: str) -> str:
    # A line of a list that is looked at alone would lose its mark, and a table's row its form.
    return to_whatsapp(_MARKERS.sub("", markdown))
