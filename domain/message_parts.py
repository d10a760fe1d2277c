"""A long reply as few messages, cut where a reader would pause; lengths are `message_length`s."""

import re
from bisect import bisect_right
from itertools import accumulate
from typing import Final

import regex

from contracts.message_length import message_length
from contracts.outbound_text import LONGEST_TEXT as MAX_BODY_LENGTH

_FENCE = "```"
_FENCE_COST = 2 * (len(_FENCE) + 1)
"""A part cut inside a code block closes it at its end and opens it again at its start."""

_PARAGRAPH = regex.compile(r"\n[^\S\n]*\n\s*")
# A sentence ends at its mark and the quotes or brackets that close with it. Full-width marks need
# no space after them; the others do, and no lower-case letter or digit list marker around them.
_MARKS = ".!?…؟۔।॥։።"  # noqa: RUF001 - these are the marks of other scripts
_WIDE_MARKS = "。！？｡"  # noqa: RUF001 - the same
_CLOSING = "\"'”’»)*_~」』）" + re.escape("]")  # noqa: RUF001 - the same
SENTENCE_END: Final = regex.compile(
    rf"(?<!\b\p{{L}})(?<!^[^\S\n]*\d{{1,3}})(?<![{_MARKS}])[{_MARKS}]++[{_CLOSING}]*+\s++(?!\p{{Ll}})"
    rf"|[{_WIDE_MARKS}]+[{_CLOSING}]*\s*"
    r"|\n\s*",
    regex.MULTILINE,
)
_WORD = regex.compile(r"\s+")
_GRAPHEME = regex.compile(r"\X")


def split_message(text: str, *, limit: int = MAX_BODY_LENGTH) -> list[str]:
    """`text` in as few parts of at most `limit` as word borders allow; none is empty.

    Among the cuts that keep the number of parts, the last paragraph end is taken, else the last
    sentence end, else the last word end. A word longer than a part is cut between graphemes. Only
    white space at the cuts is dropped; code blocks are closed and opened again.
    """
    text = text.strip()
    if not text:
        return []
    if message_length(text) <= limit:
        return [text]
    has_fence = _FENCE in text
    room = limit - _FENCE_COST if has_fence else limit
    if room < 2:
        raise ValueError(f"a limit of {limit} leaves no room for text")
    parts = _Cuts(text, room=room).parts()
    return _refenced(parts) if has_fence else parts


class _Cuts:
    """Where `text` may be cut, with every position's distance from the start in UTF-16 units."""

    def __init__(self, text: str, *, room: int) -> None:
        self._text = text
        self._room = room
        self._units = list(
            accumulate((1 + (character > "\uffff") for character in text), initial=0)
        )
        # By rank: (end of the content before the cut, start of the content after it).
        self._borders = [
            [(m.start() + len(m.group().rstrip()), m.end()) for m in pattern.finditer(text)]
            for pattern in (_PARAGRAPH, SENTENCE_END, _WORD)
        ]
        self._ends = [[end for end, _ in borders] for borders in self._borders]

    def parts(self) -> list[str]:
        parts: list[str] = []
        start, left = 0, self._parts_needed(0)
        while start < len(self._text):
            end, following = self._cut(start, left=left)
            parts.append(self._text[start:end])
            start, left = following, left - 1
        return parts

    def _cut(self, start: int, *, left: int) -> tuple[int, int]:
        if self._fits(start, len(self._text)):
            return len(self._text), len(self._text)
        for rank in range(len(self._borders)):
            border = self._last_border(start, rank=rank)
            if border is not None and self._parts_needed(border[1]) < left:
                return border
        return self._farthest_cut(start)

    def _parts_needed(self, start: int) -> int:
        """Parts for what begins at `start` if every one is filled as far as words allow."""
        count = 0
        while start < len(self._text):
            start = self._farthest_cut(start)[1]
            count += 1
        return count

    def _farthest_cut(self, start: int) -> tuple[int, int]:
        if self._fits(start, len(self._text)):
            return len(self._text), len(self._text)
        return self._last_border(start, rank=-1) or self._cut_inside_word(start)

    def _last_border(self, start: int, *, rank: int) -> tuple[int, int] | None:
        index = bisect_right(self._ends[rank], self._reach(start)) - 1
        if index < 0 or self._ends[rank][index] <= start:
            return None
        return self._borders[rank][index]

    def _cut_inside_word(self, start: int) -> tuple[int, int]:
        reach = self._reach(start)
        cut = reach
        for match in _GRAPHEME.finditer(self._text, start):
            if match.end() > reach:
                cut = match.start() if match.start() > start else reach
                break
        fence = self._text.rfind(_FENCE, start, cut + len(_FENCE) - 1)
        if start < fence < cut < fence + len(_FENCE):
            cut = fence
        return cut, cut

    def _reach(self, start: int) -> int:
        """The last position up to which a part that begins at `start` fits."""
        return bisect_right(self._units, self._units[start] + self._room) - 1

    def _fits(self, start: int, end: int) -> bool:
        return self._units[end] - self._units[start] <= self._room


_EMPTY_BLOCK_AT_END = regex.compile(rf"{_FENCE}\s*{_FENCE}\Z")


def _refenced(parts: list[str]) -> list[str]:
    """`parts` with each code block that is open at a cut closed before and opened after it."""
    whole: list[str] = []
    is_open = False
    for part in parts:
        opened = f"{_FENCE}\n{part}" if is_open else part
        is_open ^= part.count(_FENCE) % 2 == 1
        closed = f"{opened}\n{_FENCE}" if is_open else opened
        closed = _EMPTY_BLOCK_AT_END.sub("", closed).strip()
        if closed:
            whole.append(closed)
    return whole
