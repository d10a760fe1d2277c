"""What a passage is embedded as."""

from hypothesis import given, settings

from adapters.openai.tokens import count_tokens
from domain.passage_parts import LONGEST_PARAGRAPH, embedded_parts
from tests.domain.test_chunking import documents

TITLE = "Renting"


def parts(text: str, *, heading: str | None = None) -> list[str]:
    return embedded_parts(TITLE, heading=heading, text=text, count_tokens=count_tokens)


def test_a_short_passage_is_one_part() -> None:
    assert parts("Helmets cost 4 euros a day.", heading="Prices > Extras") == [
        "Renting > Prices > Extras\n\nHelmets cost 4 euros a day."
    ]
    assert parts("Helmets cost 4 euros.") == ["Renting\n\nHelmets cost 4 euros."]


def test_each_subject_is_a_part_under_its_own_heading() -> None:
    about = "We keep it on your card, and you have it back on the day on which you return " * 2
    text = f"{about}\n\n## Hours\n\n{about}\n\n## Theft\n\n{about}"
    found = parts(text, heading="Deposit")
    assert [part.partition("\n\n")[0] for part in found] == [
        "Renting > Deposit", "Renting > Hours", "Renting > Theft"
    ]  # fmt: skip
    assert found[0].endswith(about.strip())


def test_a_row_is_a_part_that_knows_the_columns() -> None:
    rows = [
        f"| Bicycle number {n} with a long name | {n} euros | {2 * n} euros |" for n in range(9)
    ]
    found = parts("\n".join(["| Bicycle | Day | Week |", "| --- | --- | --- |", *rows]))
    (eighth,) = [part for part in found if "number 8" in part]
    assert "Bicycle | Day | Week" in eighth
    assert "number 5" not in eighth


def test_a_paragraph_is_left_whole_and_a_very_long_one_is_not() -> None:
    sentence = "A bicycle that was hired is brought back in the evening of the last day. "
    assert len(parts(sentence * 8)) == 1
    assert 2 <= len(parts(sentence * 20)) <= 4


def test_a_title_stands_above_a_part_once() -> None:
    assert parts("Fine.", heading="Renting > Prices") == ["Renting > Prices\n\nFine."]
    assert parts("Fine.", heading="Renting") == ["Renting\n\nFine."]


@settings(max_examples=60, deadline=None)
@given(text=documents)
def test_every_passage_has_parts_of_at_most_their_size(text: str) -> None:
    found = parts(text)
    assert found
    for part in found:
        above, _, body = part.partition("\n\n")
        assert above.startswith(TITLE)
        if text.strip():
            assert count_tokens(body) <= LONGEST_PARAGRAPH
