"""Cutting documents into passages."""

import itertools
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.openai.tokens import count_tokens
from domain.chunking import MAX_TOKENS, Chunk, chunk_markdown

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
        assert count_tokens(each.text) <= MAX_TOKENS
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


def test_a_passage_is_on_the_page_where_its_new_text_begins() -> None:
    page = "Words on this page. " * 110
    document = page * 3
    chunks = chunk(document, page_starts=[0, len(page), 2 * len(page)])
    assert chunks[0].page == 1
    assert chunks[-1].page == 3
    assert {each.page for each in chunks} == {1, 2, 3}
    assert {each.page for each in chunk(document)} == {None}


@pytest.mark.parametrize(
    "document",
    [
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
