"""Cutting documents into passages."""

import itertools
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.openai.tokens import count_tokens
from domain.chunking import PASSAGES, Chunk, chunk_markdown

WORDS = st.sampled_from(
    [
        "word",
        "größe",
        "日本語",
        "😀",
        "पानी",
        "a" * 50,
        "# ",
        "## x\n",
        "\n\n",
        "\n",
        " ",
        "\r\n",
        "```\n",
        "- ",
        "| a | b |\n",
        "| - | - |\n",
        ". ",
        "---\n",
        "===\n",
        "\t",
        "    ",
    ]
)
documents = st.tuples(st.lists(WORDS, max_size=80), st.integers(1, 40)).map(
    lambda parts: "".join(parts[0]) * parts[1]
)
"""Repeated, for most generated lists are shorter than a passage."""


def words(text: str) -> int:
    return len(text.split())


def chunk(document: str, *, page_starts: list[int] | None = None) -> list[Chunk]:
    return chunk_markdown(document, count_tokens=words, page_starts=page_starts)


@settings(max_examples=60, deadline=None)
@given(document=documents)
def test_passages_fit_and_their_offsets_point_at_their_text(document: str) -> None:
    chunks = chunk_markdown(document, count_tokens=count_tokens)
    for each in chunks:
        assert document[each.start : each.end] == each.text
        assert count_tokens(each.text) <= PASSAGES.most
        assert each.text.strip()
    assert [each.start for each in chunks] == sorted(each.start for each in chunks)


@settings(max_examples=60, deadline=None)
@given(document=documents)
def test_every_visible_character_but_those_of_bare_headings_is_in_a_passage(document: str) -> None:
    covered = set[int]()
    for each in chunk(document):
        covered.update(range(each.start, each.end))
    lost = "".join(
        character
        for position, character in enumerate(document)
        if position not in covered and not character.isspace()
    )
    in_headings = "".join(each.heading or "" for each in chunk(document))
    assert set(lost) <= set(in_headings) | set("#=-")


def test_neighbours_overlap_a_little() -> None:
    chunks = chunk("One short sentence here. " * 400)
    assert len(chunks) > 2
    for before, after in itertools.pairwise(chunks):
        assert before.end > after.start
        assert words(before.text[after.start - before.start :]) <= 60


def test_a_passage_knows_the_headings_above_it() -> None:
    body = "Some words to fill the section. " * 60
    document = (
        f"# Shop\n\n{body}\n\n## Returns\n\n{body}\n\nShoes\n-----\n\n{body}\n\n# Team\n\n{body}"
    )
    headings = list(dict.fromkeys(each.heading for each in chunk(document)))
    assert headings == ["Shop", "Shop > Returns", "Shop > Shoes", "Team"]


def test_marks_in_a_code_block_are_no_headings() -> None:
    document = "# Setup\n\n```\n# not a heading\n```\n\n" + "Words after the block. " * 30
    assert {each.heading for each in chunk(document)} == {"Setup"}


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_line_ends_do_not_shift_headings(newline: str) -> None:
    body = "Words of the section. " * 150
    document = f"{newline * 3}# One{newline * 2}{body}{newline * 2}# Two{newline * 2}{body}"
    assert list(dict.fromkeys(each.heading for each in chunk(document))) == ["One", "Two"]


def test_text_without_headings_has_none() -> None:
    assert [each.heading for each in chunk("Only words.")] == [None]
    assert chunk("") == chunk(" \n\n ") == []


def test_a_document_of_headings_alone_keeps_them() -> None:
    assert [each.text for each in chunk("# One\n\n# Two")] != []


def test_a_page_begins_a_passage_unless_a_sentence_goes_on_there() -> None:
    first, second, third = "We open at nine", "and close at six.\n\n", "Storage costs 45 euros."
    document = first + "\n" + second + third
    starts = [0, len(first) + 1, len(first) + 1 + len(second)]
    assert [(each.text.strip(), each.page) for each in chunk(document, page_starts=starts)] == [
        ("We open at nine\nand close at six.", 1),
        (third, 3),
    ]


def test_a_passage_is_on_the_page_where_its_new_text_begins() -> None:
    page = "Words on this page. " * 110
    document = page * 3
    chunks = chunk(document, page_starts=[0, len(page), 2 * len(page)])
    assert chunks[0].page == 1
    assert chunks[-1].page == 3
    assert {each.page for each in chunks} == {1, 2, 3}
    assert {each.page for each in chunk(document)} == {None}


CELLS = st.sampled_from(
    ["word", "größe", "日本語", "", "a" * 60, "one two three " * 40, "\\|", "`x`"]
)


@st.composite
def tables(draw: st.DrawFn) -> str:
    """A table between paragraphs; its rows differ in length, some exceed a passage."""
    columns = draw(st.integers(1, 6))
    cells = st.lists(CELLS, min_size=columns, max_size=columns)
    rows = draw(st.lists(cells, min_size=1, max_size=8)) * draw(st.integers(1, 20))
    lines = [draw(cells), ["---"] * columns, *rows]
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    table = newline.join("| " + " | ".join(line) + " |" for line in lines)
    before, after = draw(st.sampled_from(["", "# Prices", "Words. " * 300])), draw(WORDS)
    return f"{before}{newline * 2}{table}{newline * 2}{after}"


@settings(max_examples=40, deadline=None)
@given(document=tables())
def test_pieces_of_tables_fit_with_their_columns_and_keep_their_offsets(document: str) -> None:
    chunks = chunk_markdown(document, count_tokens=count_tokens)
    covered = set[int]()
    for each in chunks:
        assert document[each.start : each.end] == each.text
        assert count_tokens(each.text) + count_tokens(each.columns or "") <= PASSAGES.most
        covered.update(range(each.start, each.end))
    lost = [c for n, c in enumerate(document) if n not in covered and not c.isspace()]
    assert set(lost) <= set("# Prices")


def test_every_row_of_a_long_table_is_whole_and_knows_its_columns() -> None:
    rows = [f"| Model {n} | {n} cm | €{n} |" for n in range(300)]
    table = "\n".join(["| Product | Size | Price |", "| --- | --- | --- |", *rows])
    chunks = chunk(f"# Bikes\n\nAll of them.\n\n{table}\n\nPrices include tax.")
    of_table = [each for each in chunks if "Model" in each.text]
    assert len(of_table) > 3
    assert "\n".join(each.text for each in of_table) == table
    assert of_table[0].text.startswith("| Product | Size | Price |\n")
    assert of_table[0].above == "Bikes"
    assert {each.above for each in of_table[1:]} == {"Bikes > Product | Size | Price"}
    assert [each.text for each in chunks if each not in of_table] == [
        "# Bikes\n\nAll of them.",
        "Prices include tax.",
    ]


def test_a_table_that_fits_stays_with_its_text() -> None:
    document = "Our sizes:\n\n| Size | Fee |\n| --- | --- |\n| 42 | none |"
    assert [(each.text, each.above) for each in chunk(document)] == [(document, None)]


def test_a_row_longer_than_a_passage_is_cut_and_keeps_its_columns() -> None:
    document = f"| Name | Story |\n| --- | --- |\n| Ada | {'she wrote. ' * 700} |"
    chunks = chunk(document)
    assert len(chunks) > 2
    assert {each.columns for each in chunks[2:]} == {"Name | Story"}


def test_names_of_very_many_columns_leave_room_for_the_rows() -> None:
    names = " | ".join(f"column number {n}" for n in range(200))
    line = " | ".join("---" for _ in range(200))
    row = " | ".join(f"value {n}" for n in range(200))
    chunks = chunk(f"| {names} |\n| {line} |\n" + f"| {row} |\n" * 5)
    assert all(words(each.text) + words(each.columns or "") <= PASSAGES.most for each in chunks)
    assert any("value 199" in each.text for each in chunks)


def test_each_question_is_a_passage_with_its_answer() -> None:
    document = (
        "# Help\n\n## Do you ship?\n\nYes.\n\n## ¿Abren los domingos?\n\nNo.\n\n"
        "### More\n\nNever.\n\n## Contact\n\nBy phone.\n\n## Team\n\nAda."
    )
    assert [each.text for each in chunk(document)] == [
        "## Do you ship?\n\nYes.",
        "## ¿Abren los domingos?\n\nNo.\n\n### More\n\nNever.",
        "## Contact\n\nBy phone.\n\n## Team\n\nAda.",
    ]


def test_long_code_is_cut_without_losing_a_character() -> None:
    code = "\n".join(f"    value_{n} = compute({n})  # step {n}" for n in range(400))
    document = f"# Setup\n\n```python\n{code}\n```\n"
    covered = set[int]()
    for each in chunk(document):
        assert document[each.start : each.end] == each.text
        covered.update(range(each.start, each.end))
    lost = "".join(c for n, c in enumerate(document) if n not in covered)
    assert lost.strip("# \n") in ("", "Setup")


@pytest.mark.parametrize(
    "document",
    [
        "| a | b |\n|---|---|\n" + "| c | d |\n" * 30_000,
        "## Why?\n\nBecause.\n\n" * 10_000,
        "a" * 400_000,
        "#" * 200_000,
        "> " * 50_000,
        "[" * 100_000,
        "| a " * 50_000,
        "- " * 50_000,
    ],
)
def test_hostile_texts_are_cut_in_time(document: str) -> None:
    start = time.monotonic()
    chunk_markdown(document, count_tokens=count_tokens)
    assert time.monotonic() - start < 20
