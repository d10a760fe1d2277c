"""A passage as pieces that can be quoted: sentences, list items, table rows, answers of a FAQ."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from local.model.prompt_reader import ShownPassage

Kind = Literal["prose", "rows", "faq"]


@dataclass(frozen=True, kw_only=True)
class Block:
    """A paragraph, a list or table, or the answer to a FAQ's question, with where it stands."""

    passage: ShownPassage
    kind: Kind
    heading: str
    lead: str = ""
    pieces: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Quotable:
    """One piece and what it is compared by: the piece together with what it is said under."""

    block: Block
    index: int
    compared: str

    @property
    def text(self) -> str:
        return self.block.pieces[self.index]


def quotables(passage: ShownPassage) -> list[Quotable]:
    """Every piece of `passage` that can be quoted, in reading order."""
    return [
        Quotable(block=block, index=index, compared=compared)
        for block in _blocks(passage)
        for index, compared in enumerate(_compared(block))
    ]


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
    r"\b(?:\w|Dr|Mr|Ms|Mrs|St|Nr|No|Sra?|kl|ca|ev|bl|t\.ex|z\.B|inc|incl|max|min|bzw|approx)\.\Z"
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
_TABLE_RULE = re.compile(r"^[\s|:-]+$")


def _compared(block: Block) -> Iterator[str]:
    for piece in block.pieces:
        said_under = [block.lead] if block.lead else [block.heading] if block.heading else []
        if block.kind == "prose":
            # Under its heading a sentence also answers what names only the heading.
            said_under = [block.heading] if block.heading else []
        yield plain(": ".join([*said_under, piece]))


def _blocks(passage: ShownPassage) -> list[Block]:
    """Blocks in reading order. A question that stands alone makes what follows its answer."""
    blocks: list[Block] = []
    heading = (passage.section or passage.title).split(" > ")[-1]
    question = ""
    for lines in _paragraphs(passage.text):
        lines, heading, question = _take_headings(lines, heading=heading, question=question)
        if not lines:
            continue
        if _is_rows(lines):
            lead = question or _lead(blocks, heading=heading)
            pieces = _rows(lines)
            blocks.append(
                Block(passage=passage, kind="rows", heading=heading, lead=lead, pieces=pieces)
            )
            continue
        text = " ".join(line.strip() for line in lines)
        if question:
            answer = _ANSWER_LABEL.sub("", text)
            blocks.append(
                Block(
                    passage=passage,
                    kind="faq",
                    heading=heading,
                    lead=question,
                    pieces=sentences(answer),
                )
            )
        else:
            blocks.append(
                Block(passage=passage, kind="prose", heading=heading, pieces=sentences(text))
            )
    return [block for block in blocks if block.pieces]


def _take_headings(lines: list[str], *, heading: str, question: str) -> tuple[list[str], str, str]:
    """The lines left after headings and questions in front of them, and which of these now hold."""
    while lines:
        first = lines[0].strip()
        title = _HEADING.match(first) or _BOLD_LINE.match(first)
        named = plain(_QUESTION_LABEL.sub("", title.group(1) if title else first))
        is_question = named.endswith(("?", "？", "؟")) and (  # noqa: RUF001 - other scripts' marks
            title is not None or len(lines) == 1 or _QUESTION_LABEL.match(first) is not None
            or len(sentences(named)) == 1
        )  # fmt: skip
        if is_question:
            question = named
        elif title:
            heading, question = named, ""
        else:
            break
        lines = lines[1:]
    return lines, heading, question


def _paragraphs(text: str) -> Iterator[list[str]]:
    """Runs of lines between blank lines, cut where prose turns into a list or table and back."""
    run: list[str] = []
    for line in [*text.split("\n"), ""]:
        starts_new = bool(run) and line.strip() and (
            (_is_row(line) != _is_row(run[-1]) and not (line[:1].isspace() and _is_row(run[-1])))
            or _HEADING.match(line.strip()) is not None
            or (_HEADING.match(run[-1].strip()) is not None and _is_row(line))
        )  # fmt: skip
        if (not line.strip() or starts_new) and run:
            yield run
            run = []
        if line.strip():
            if line[:1].isspace() and run and _is_row(run[-1]) and not _is_row(line):
                run[-1] = f"{run[-1]} {line.strip()}"
            else:
                run.append(line)


def _is_row(line: str) -> bool:
    return _ITEM.match(line) is not None or _TABLE_ROW.match(line) is not None


def _is_rows(lines: Sequence[str]) -> bool:
    return all(_is_row(line) for line in lines)


def _rows(lines: Sequence[str]) -> list[str]:
    """List items without their marks; table rows with every value named by its column."""
    items = [match.group(1).strip() for line in lines if (match := _ITEM.match(line))]
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


def _lead(blocks: Sequence[Block], *, heading: str) -> str:
    """The sentence that introduces a list ("We rent:"), with the heading both stand under."""
    if blocks and blocks[-1].kind == "prose" and blocks[-1].heading == heading:
        last = blocks[-1].pieces[-1]
        if last.endswith(":"):
            return f"{heading}: {last.rstrip(':')}" if heading else last.rstrip(":")
    return heading
