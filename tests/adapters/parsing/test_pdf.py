"""The text of PDFs: in the order in which a person reads it, page by page."""

import io
import time
from itertools import pairwise

import pytest
from pdfplumber.page import Page

from adapters.parsing.document import Unreadable
from adapters.parsing.pdf_continued import with_header_of
from adapters.parsing.pdf_tables import grids_on
from tests.adapters.parsing.files import (
    blank_pages,
    columns_drawn_by_rows,
    long_table,
    pdf,
    prices_without_lines,
    ruled_table,
    turned_pages,
    with_page_labels,
)
from tests.adapters.parsing.reading import read, refused

TABLE = (
    "Before it.\n\n| Bicycle | Day | Week |\n| --- | --- | --- |\n| Model 1 | €1 | €7 |\n"
    "| Model 2 | €2 | €14 |\n| Model 3 | €3 | €21 |\n\nAfter it."
)


def test_columns_are_read_one_after_the_other_whatever_the_order_of_the_file() -> None:
    lines = read(columns_drawn_by_rows()).text.splitlines()
    assert lines[0].startswith("A title over both columns")
    assert [line.split(",")[0] for line in lines[1:]] == ["Left column"] * 8 + ["Right column"] * 8
    assert lines[1:9] == sorted(lines[1:9])


def test_prices_stay_beside_their_dishes() -> None:
    assert read(prices_without_lines()).text.splitlines()[:2] == [
        "Soup of the day 0 €6",
        "Salad of the day 1 €8",
    ]


def test_turned_pages_and_text_along_an_edge_are_read() -> None:
    parsed = read(turned_pages())
    assert parsed.page_starts is not None
    first, second = parsed.page_starts
    assert parsed.text[first:second].split("\n") == [
        *(f"Turned page, line {n}" for n in range(4)), "", "",
    ]  # fmt: skip
    assert parsed.text[second:] == "Upright, line 0\nUpright, line 1\n\nAlong the edge"


@pytest.mark.parametrize(
    "content",
    [ruled_table(), ruled_table(sideways=True), ruled_table(sideways=True, turned=True)],
    ids=["upright", "sideways", "turned"],
)
def test_a_ruled_table_is_a_markdown_table_in_its_place(content: bytes) -> None:
    assert read(content).text == TABLE


def test_a_table_that_goes_on_keeps_its_header_on_the_next_page() -> None:
    parsed = read(long_table())
    assert parsed.page_starts is not None
    pages = [
        parsed.text[start:end].strip().splitlines()
        for start, end in pairwise([*parsed.page_starts, len(parsed.text)])
    ]
    assert len(pages) > 2
    for page in pages:
        assert page[:2] == ["| Product | Price |", "| --- | --- |"]
    rows = [line for page in pages for line in page[2:]]
    assert rows == [f"| Item {n} | €{n} |" for n in range(100)]


def test_a_table_with_a_header_of_its_own_keeps_it() -> None:
    header, row = "| A | B |\n| --- | --- |", "| 1 | 2 |"
    assert with_header_of(f"{header}\n{row}", f"{header}\n{row}") == f"{header}\n{row}"
    captioned = f"Table 2: other things\n\n| C | D |\n| --- | --- |\n{row}"
    assert with_header_of(f"{header}\n{row}", captioned) == captioned
    wider = "| C | D | E |\n| --- | --- | --- |\n| 1 | 2 | 3 |"
    assert with_header_of(f"{header}\n{row}", wider) == wider
    followed = f"{header}\n{row}\n\nAnd then a whole paragraph of other things follows it here."
    assert with_header_of(followed, f"{row}\n| --- | --- |\n{row}").startswith(row)


def test_tables_that_take_too_long_are_read_as_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    def forever(_page: Page) -> list[object]:
        while True:
            time.monotonic()

    monkeypatch.setattr(Page, "find_tables", forever)
    found = grids_on(io.BytesIO(ruled_table()), [0], seconds=0.05)
    assert (found.grids, found.left_out) == ({}, [0])


def test_pages_without_text_are_named() -> None:
    parsed = read(pdf(["One", "", "Three", "", "", "", "Seven"]))
    assert parsed.warnings == (
        "These pages have no text, probably because they were scanned or are pictures: 2, 4 to 6. "
        "To have them read, run text recognition (OCR) on it and upload the result.",
    )


def test_blank_pages_are_neither_scanned_nor_text() -> None:
    error = refused(blank_pages())
    assert error.reason is Unreadable.EMPTY
    assert "empty" in error.sentence


def test_the_numbers_that_a_reader_sees_are_kept() -> None:
    assert read(with_page_labels(pdf(["Preface", "Chapter"]))).page_labels == ("i", "1")
    assert read(pdf(["Preface", "Chapter"])).page_labels is None
