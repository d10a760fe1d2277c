"""Puts the column names of a table above the part of it that stands on the next page."""

import re
from typing import Final

_TABLE: Final = re.compile(r"^(\|.*\|)\n(\|(?: --- \|)+)\n((?:\|.*\|(?:\n|\Z))+)", re.M)
_LITTLE: Final = 40
"""Characters that may follow a table or come before it: a page's number, or its running title."""


def with_header_of(before: str, page: str) -> str:
    """The page, whose first table goes on with the last one of the page before.

    As it is when there is no such table, or when the page repeats the header itself.
    """
    first = _TABLE.search(page)
    last = max(_TABLE.finditer(before), key=lambda table: table.start(), default=None)
    if first is None or last is None:
        return page
    header, line, _ = last.groups()
    row = first.group(1)
    above = page[: first.start()].strip()
    is_same = (
        len(before[last.end() :].strip()) <= _LITTLE
        and (not above or above == before[: len(above)] or above.isdigit())
        and len(above) <= _LITTLE
        and first.group(2) == line
        and row != header
    )
    if not is_same:
        return page
    return f"{page[: first.start()]}{header}\n{line}\n{row}\n{first.group(3)}{page[first.end() :]}"
