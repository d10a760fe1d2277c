"""A passage as pieces that can be quoted: sentences, list items, table rows, answers of a FAQ."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from local.model.prompt_reader import ShownPassage

Kind = Literal["prose", "rows", "faq"]

MAX_HEADING = 70
MAX_QUESTION = 160
"""Characters: longer lines are text, whatever they end with."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """A paragraph, a list or table, or the answer to a FAQ's question, with where it stands.

    `under` is the heading or question it answers to; `caption` heads rows that mean nothing alone.
    """

    passage: ShownPassage
    kind: Kind
    under: str
    pieces: list[str]
    position: int
    caption: str = ""

    @property
    def compared(self) -> str:
        """What the block as a whole is compared by."""
        joint = "; " if self.kind == "rows" else " "
        return self._said_under(joint.join(self.pieces))

    def compared_piece(self, index: int) -> str:
        """What one piece is compared by: it also answers what names only its heading."""
        return self._said_under(self.pieces[index])

    def _said_under(self, text: str) -> str:
        return plain(f"{self.under}: {text}" if self.under else text)


def plain(text: str) -> str:
    """`text` without Markdown's marks, as it is compared and as it is read aloud."""
    return " ".join(re.sub(r"[*_`~#]+", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)).split())


def sentences(text: str) -> list[str]:
    """The sentences of a paragraph; abbreviations and numbers do not end one."""
    found: list[str] = []
    start = 0
    for match in _SENTENCE_END.finditer(text):
        if not _ABBREVIATED.search(text, start, match.end()):
            found.append(text[start : match.end()])
            start = match.end()
    return [sentence for part in [*found, text[start:]] if (sentence := part.strip())]


_SENTENCE_END = re.compile(
    r"[.!?…؟।]+[\"'”’»)*_]*(?=\s+[^\sa-zà-öø-ÿ])|[。！？]+"  # noqa: RUF001 - marks of other scripts
)
_ABBREVIATED = re.compile(
    r"\b(?:[^\W\d_]|Dr|Mr|Ms|Mrs|St|Nr|No|Sra?|kl|ca|ev|bl|t\.ex|z\.B|inc|incl|max|min|bzw|approx)\.\Z"
)
_HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$")
_BOLD_LINE = re.compile(r"^(?:\*\*|__)(.+?)(?:\*\*|__):?$")
_QUESTION_LABEL = re.compile(
    r"^(?:\*\*)?(?:Q|F|P|Question|Fråga|Frage|Pregunta|Pergunta)\s*[:.]\s*", re.IGNORECASE
)
_ANSWER_LABEL = re.compile(
    r"^(?:\*\*)?(?:A|R|S|Answer|Svar|Antwort|Respuesta|Réponse|Resposta)\s*[:.]\s*(?:\*\*)?\s*",
    re.IGNORECASE,
)
_ITEM = re.compile(r"^\s*(?:[-*+•‣▪–]|\d{1,3}[.)])\s+(.*)$")  # noqa: RUF001 - a dash in front of items
_TABLE_ROW = re.compile(r"^\s*\|(.*)\|\s*$")
# A table's row as a PDF gives it: a name and at least two values with digits.
_FLAT_ROW = re.compile(r"^\s*([^\d|]{2,40}?(?:\s+[^\sA-Za-z]?\d[\w.,:%€-]*){2,})\s*$")
_TABLE_RULE = re.compile(r"^[\s|:-]+$")


def blocks(passage: ShownPassage) -> list[Block]:
    """The blocks of `passage` in reading order. A question alone makes what follows its answer."""
    found: list[Block] = []
    place = _Place(heading=(passage.section or passage.title).split(" > ")[-1])
    runs = list(_runs(passage.text))
    for number, run in enumerate(runs):
        # Line upon line that only looks like a heading is text without full stops.
        is_text = all(_is_bare(near) for near in runs[number : number + 3])
        lines = run if is_text else place.pass_headings(run)
        if not lines:
            continue
        kind: Kind
        if all(_is_row(line) for line in lines):
            kind, pieces = "rows", _rows(lines)
            under = place.question or _lead(found, heading=place.heading)
        else:
            text = " ".join(line.strip() for line in lines)
            kind = "faq" if place.question else "prose"
            under = place.question or place.heading
            pieces = sentences(_ANSWER_LABEL.sub("", text) if kind == "faq" else text)
        is_flat = kind == "rows" and all(_FLAT_ROW.match(line) for line in lines)
        caption = place.last_heading if is_flat else ""
        pieces = [piece for piece in pieces if piece.strip()]
        if pieces:
            found.append(
                Block(
                    passage=passage,
                    kind=kind,
                    under=under,
                    pieces=pieces,
                    position=len(found),
                    caption=caption,
                )
            )
    return found


class _Place:
    """Under which heading, and which question of a FAQ, the reading has come."""

    def __init__(self, *, heading: str) -> None:
        self.heading = heading
        self.last_heading = ""
        self.question = ""

    def pass_headings(self, lines: list[str]) -> list[str]:
        """What is left of `lines` after the headings and questions in front, which now hold."""
        is_first = True
        while lines:
            first, rest = lines[0].strip(), lines[1:]
            marked = _HEADING.match(first) or _BOLD_LINE.match(first)
            named = plain(_QUESTION_LABEL.sub("", marked.group(1) if marked else first))
            if _is_question(named) and (marked or rest or len(sentences(named)) == 1):
                self.question = named
            elif marked or _looks_like_heading(first, followed_by=rest):
                # Headings right after each other belong together: "Rates", "Bicycle Day Week".
                self.heading = named if is_first or marked else f"{self.heading}: {named}"
                self.last_heading = named
                self.question = ""
                is_first = False
            else:
                break
            lines = rest
        return lines


def _runs(text: str) -> Iterator[list[str]]:
    """Lines that belong together: cut at blank lines, at headings, where rows begin or end."""
    run: list[str] = []
    lines = text.split("\n")
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if not line.strip():
            if run:
                yield run
            run = []
        elif run and line[:1].isspace() and _is_row(run[-1]) and not _is_row(line):
            run[-1] = f"{run[-1]} {line.strip()}"
        elif run and _starts_run(line, after=run, followed_by=following):
            yield run
            run = [line]
        else:
            run.append(line)
    if run:
        yield run


def _starts_run(line: str, *, after: Sequence[str], followed_by: str) -> bool:
    previous = after[-1].strip()
    if _HEADING.match(line.strip()):
        return True
    if all(_looks_like_heading(above.strip(), followed_by=[line]) for above in after):
        return False
    if _is_row(line) != _is_row(previous):
        return True
    # Text of a PDF has no blank lines: a heading is a short line between two sentences.
    follows_end = previous.endswith((".", "!", "?", ":")) or _is_row(previous)
    return follows_end and (
        _looks_like_heading(line.strip(), followed_by=[followed_by])
        or (_is_question(line.strip()) and bool(followed_by.strip()))
    )


def _is_question(line: str) -> bool:
    return len(line) <= MAX_QUESTION and line.endswith(
        ("?", "\N{FULLWIDTH QUESTION MARK}", "\N{ARABIC QUESTION MARK}")
    )


def _is_bare(run: Sequence[str]) -> bool:
    return all(_looks_like_heading(line.strip(), followed_by=[]) for line in run)


def _looks_like_heading(line: str, *, followed_by: Sequence[str]) -> bool:
    return (
        len(line) <= MAX_HEADING
        and line[:1].isupper()
        and not _HEADING.match(line)
        and line[-1:] not in ".!?:;,"
        and not _is_row(line)
        and not (followed_by and followed_by[0].strip()[:1].islower())
    )


def _is_row(line: str) -> bool:
    return any(pattern.match(line) for pattern in (_ITEM, _TABLE_ROW, _FLAT_ROW))


def _rows(lines: Sequence[str]) -> list[str]:
    """List items without their marks; table rows with every value named by its column."""
    items = [
        match.group(1).strip()
        for line in lines
        if (match := _ITEM.match(line) or _FLAT_ROW.match(line))
    ]
    table = [_cells(line) for line in lines if _TABLE_ROW.match(line)]
    table = [cells for cells in table if not _TABLE_RULE.match("|".join(cells) or "|")]
    if not table:
        return items
    header, body = table[0], table[1:]
    if not body:
        return [*items, ", ".join(header)]
    return [*items, *(_named_row(cells, header=header) for cells in body)]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _named_row(cells: Sequence[str], *, header: Sequence[str]) -> str:
    if len(cells) == 2:
        return f"{cells[0]}: {cells[1]}"
    named = [
        f"{name}: {value}" if name else value
        for name, value in zip(header[1:], cells[1:], strict=False)
        if value
    ]
    return f"{cells[0]} ({', '.join(named)})" if named else cells[0]


def _lead(found: Sequence[Block], *, heading: str) -> str:
    """The sentence that introduces a list ("We rent:"), with the heading both stand under."""
    if found and found[-1].kind == "prose" and found[-1].under == heading:
        last = found[-1].pieces[-1]
        if last.endswith(":"):
            return f"{heading}: {last.rstrip(':')}" if heading else last.rstrip(":")
    return heading
