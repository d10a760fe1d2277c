"""Passages as pieces that can be quoted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.model.prompt_reader import ShownPassage
from local.model.quotable import Block, blocks, sentences


def read(text: str, *, section: str | None = None) -> list[Block]:
    return blocks(ShownPassage(number=1, title="Guide", section=section, text=text))


def said(text: str, *, section: str | None = None) -> list[tuple[str, str, list[str]]]:
    return [(block.kind, block.under, block.pieces) for block in read(text, section=section)]


def test_a_sentence_stands_under_its_heading() -> None:
    assert said("# Shop\n\n## Hours\n\nWe open at 9. We close at 5.") == [
        ("prose", "Hours", ["We open at 9.", "We close at 5."])
    ]


def test_without_a_heading_the_section_or_the_title_counts() -> None:
    assert said("We open at 9.", section="Shop > Hours")[0][1] == "Hours"
    assert said("We open at 9.")[0][1] == "Guide"


@pytest.mark.parametrize(
    "text",
    [
        "### Can I bring a dog?\n\nYes, on a leash.",
        "**Can I bring a dog?**\nYes, on a leash.",
        "Q: Can I bring a dog?\nA: Yes, on a leash.",
        "Can I bring a dog?\nYes, on a leash.",
        "Can I bring a dog?\n\nYes, on a leash.",
    ],
)
def test_the_answer_of_a_faq_stands_under_its_question(text: str) -> None:
    assert said(text) == [("faq", "Can I bring a dog?", ["Yes, on a leash."])]


def test_list_items_stand_under_the_sentence_that_leads_to_them() -> None:
    assert said("## Rental\n\nWe rent:\n\n- city bikes\n- tandems\n  for two")[1] == (
        "rows",
        "Rental: We rent",
        ["city bikes", "tandems for two"],
    )


def test_every_value_of_a_table_row_is_named() -> None:
    table = "| Bike | Day | Week |\n|---|---|---|\n| City | €14 | €65 |\n| Cargo | €39 | |"
    assert said(f"## Rates\n\n{table}") == [
        ("rows", "Rates", ["City (Day: €14, Week: €65)", "Cargo (Day: €39)"])
    ]


def test_the_flat_table_of_a_pdf_keeps_its_header_as_caption() -> None:
    text = (
        "Rates\nBicycle Day Week\nCity bike €14 €65\nTandem €28 €130\nDeposit\nThe deposit is €50."
    )
    table, deposit = read(text)
    assert table.kind == "rows"
    assert table.caption == "Bicycle Day Week"
    assert table.pieces == ["City bike €14 €65", "Tandem €28 €130"]
    assert (deposit.under, deposit.pieces) == ("Deposit", ["The deposit is €50."])


def test_wrapped_lines_are_one_paragraph() -> None:
    assert said(
        "Please bring a valid passport and a\ncredit card. Renters must be\n18 or older."
    ) == [
        (
            "prose",
            "Guide",
            ["Please bring a valid passport and a credit card.", "Renters must be 18 or older."],
        )
    ]


def test_lines_that_only_look_like_headings_are_text() -> None:
    found = said("Monday nine to five\n\nTuesday nine to five\n\nSunday closed")
    assert [pieces for _, _, pieces in found] == [
        ["Monday nine to five"], ["Tuesday nine to five"], ["Sunday closed"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("We open at 9 a.m. on weekdays. Dr. Smith is in.", 2),
        ("It costs 3.50 EUR. Pay here!", 2),
        ("¿Abren hoy? ¡Sí!", 2),
        ("九点开门。周日休息。", 2),
        ('He said "Stop." Then he left.', 2),
        ("No full stop", 1),
    ],
)
def test_sentences_end_at_sentence_ends(text: str, count: int) -> None:
    assert len(sentences(text)) == count


MARKDOWN = st.lists(
    st.sampled_from(
        ["# A", "## B b", "Text one. Text two?", "- item", "| a | b |", "|---|---|", "", "  more",
         "Why?", "Flat 1 2 3", "**Bold**", "Q: What", "Lone line", "|", "- ", "。"]
    ),
    max_size=14,
).map("\n".join)  # fmt: skip


@given(text=st.one_of(MARKDOWN, st.text(max_size=80)))
def test_any_text_can_be_read_and_nothing_is_made_up(text: str) -> None:
    letters = set(text)
    for block in read(text):
        assert block.pieces
        assert all(piece.strip() for piece in block.pieces)
        assert set("".join(block.pieces)) <= letters | set(" :,()")
