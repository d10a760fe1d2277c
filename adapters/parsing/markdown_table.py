"""Writes rows as a Markdown table, one line a row, so that a table can be cut between its rows."""

from collections.abc import Sequence


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """The first row with something in it becomes the header; empty rows and columns are left out.

    Every line has as many cells; line breaks within a cell become blanks, and pipes are escaped.
    Nothing at all gives an empty string.
    """
    cells = [[_cell(value) for value in row] for row in rows]
    cells = [row for row in cells if any(row)]
    width = max((len(row) for row in cells), default=0)
    cells = [row + [""] * (width - len(row)) for row in cells]
    used = [column for column in range(width) if any(row[column] for row in cells)]
    lines = ["| " + " | ".join(row[column] for column in used) + " |" for row in cells]
    if lines:
        lines.insert(1, "|" + " --- |" * len(used))
    return "\n".join(lines)


def _cell(value: str) -> str:
    return " ".join(value.split()).replace("|", "\\|")
