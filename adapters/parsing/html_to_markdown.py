"""Turns the simple HTML that a document converter writes into Markdown."""

import re
from html.parser import HTMLParser
from typing import Final

from adapters.parsing.markdown_table import markdown_table

_BLOCKS: Final = frozenset(["p", "div", "blockquote", "pre", "h1", "h2", "h3", "h4", "h5", "h6"])
_SKIPPED: Final = frozenset(["script", "style", "head", "template", "noscript"])


def html_to_markdown(html: str) -> str:
    """Headings, paragraphs, nested lists, tables and emphasis; every other mark-up is dropped.

    A table's first row becomes its header, because Markdown has no table without one. Text that
    looks like a heading's mark is escaped.
    """
    writer = _Writer()
    writer.feed(html)
    writer.close()
    return writer.markdown()


class _Writer(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._blocks: list[str] = []
        self._inline: list[str] = []
        self._lists: list[int | None] = []
        """Number of the last item of each open list; `None` for bullets."""
        self._prefix = ""
        self._rows: list[list[str]] = []
        self._cells = 0
        """Depth of open cells: a table in a table is flattened into its cell."""
        self._skipping = 0

    def markdown(self) -> str:
        self._end_block()
        return re.sub(r"\n{3,}", "\n\n", "\n\n".join(self._blocks))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - the base class's signature
        if tag in _SKIPPED:
            self._skipping += 1
        elif tag == "br":
            self._inline.append(" " if self._cells else "\n")
        elif self._cells:
            self._start_in_cell(tag)
        elif tag == "table":
            self._end_block()
            self._rows = []
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._cells = 1
            self._inline = []
        elif tag in ("ul", "ol"):
            self._end_block()
            self._lists.append(0 if tag == "ol" else None)
        elif tag == "li":
            self._end_block()
            self._prefix = self._item_prefix()
        elif tag in _BLOCKS:
            self._end_block()
            if tag[0] == "h" and tag[1:].isdigit():
                self._prefix = "#" * int(tag[1:]) + " "
        elif tag in ("strong", "b"):
            self._inline.append("**")

    def handle_endtag(self, tag: str) -> None:
        if tag in _SKIPPED:
            self._skipping = max(0, self._skipping - 1)
        elif self._cells:
            self._end_in_cell(tag)
        elif tag == "table":
            self._end_table()
        elif tag in ("ul", "ol"):
            self._end_block()
            if self._lists:
                self._lists.pop()
        elif tag == "li" or tag in _BLOCKS:
            self._end_block()
        elif tag in ("strong", "b"):
            self._inline.append("**")

    def handle_data(self, data: str) -> None:
        if not self._skipping:
            self._inline.append(data)

    def _start_in_cell(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._cells += 1
        if tag in _BLOCKS or tag in ("li", "td", "th"):
            self._inline.append(" ")

    def _end_in_cell(self, tag: str) -> None:
        if tag not in ("td", "th"):
            return
        self._cells -= 1
        if self._cells == 0:
            if self._rows:
                self._rows[-1].append("".join(self._inline))
            self._inline = []

    def _end_table(self) -> None:
        table = markdown_table(self._rows)
        self._rows = []
        if table:
            self._blocks.append(table)

    def _item_prefix(self) -> str:
        if not self._lists:
            return "- "
        indent = "   " * (len(self._lists) - 1)
        number = self._lists[-1]
        if number is None:
            return indent + "- "
        self._lists[-1] = number + 1
        return f"{indent}{number + 1}. "

    def _end_block(self) -> None:
        text = "".join(self._inline).replace("****", "").strip()
        lines = [re.sub(r"[ \t]+", " ", line).strip() for line in text.split("\n")]
        prefix, self._prefix, self._inline = self._prefix, "", []
        if prefix.startswith("#"):
            title = " ".join(lines).replace("**", "").strip()
            if title:
                self._blocks.append(prefix + title)
            return
        text = "\n".join(re.sub(r"^(?=#{1,6}\s)", r"\\", line) for line in lines if line)
        if text:
            self._blocks.append(prefix + text)
