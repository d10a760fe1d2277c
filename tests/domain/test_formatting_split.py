"""Long replies as few messages, cut where a reader would pause."""

import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.formatting import MAX_BODY_LENGTH, message_length, split_message


def test_what_fits_is_one_part() -> None:
    assert split_message("Hello there") == ["Hello there"]
    assert split_message("x" * MAX_BODY_LENGTH) == ["x" * MAX_BODY_LENGTH]


def test_nothing_to_say_is_no_part() -> None:
    assert split_message(" \n ") == []


def test_a_paragraph_end_is_the_best_cut() -> None:
    assert split_message("One. Two.\n\nThree. Four.", limit=18) == ["One. Two.", "Three. Four."]


def test_a_sentence_end_is_next() -> None:
    assert split_message("One two. Three four. Five.", limit=22) == [
        "One two. Three four.",
        "Five.",
    ]


def test_a_word_end_is_next() -> None:
    assert split_message("alpha beta gamma delta", limit=12) == ["alpha beta", "gamma delta"]


def test_sentences_end_in_other_scripts_too() -> None:
    assert split_message("我们九点开门。周日休息。欢迎光临。", limit=13) == [
        "我们九点开门。周日休息。",
        "欢迎光临。",
    ]
    assert split_message("هل أنتم مفتوحون؟ نعم نحن هنا", limit=20) == [
        "هل أنتم مفتوحون؟",
        "نعم نحن هنا",
    ]
    assert split_message("हम खुले हैं। कल आइए जी", limit=16) == ["हम खुले हैं।", "कल आइए जी"]


def test_an_abbreviation_or_a_price_is_no_sentence_end() -> None:
    text = "Ask for e.g. lights at 3.50 EUR. Then pay."
    assert split_message(text, limit=33) == ["Ask for e.g. lights at 3.50 EUR.", "Then pay."]


def test_a_nicer_cut_never_costs_a_message_more() -> None:
    text = "Short.\n\n" + "word " * 30
    limit = 80
    parts = split_message(text, limit=limit)
    assert len(parts) == 2
    assert parts[0].startswith("Short.\n\nword")


def test_a_word_longer_than_a_part_is_cut_between_graphemes() -> None:
    family = "👩‍👩‍👧‍👦"
    parts = split_message(family * 5, limit=30)
    assert "".join(parts) == family * 5
    assert all(set(regex.findall(r"\X", part)) == {family} for part in parts)


def test_length_is_counted_in_utf_16_so_that_either_reading_of_the_limit_holds() -> None:
    assert message_length("a😀") == 3
    assert [message_length(part) for part in split_message("😀" * 10, limit=7)] == [6, 6, 6, 2]


def test_a_code_block_is_closed_and_opened_again() -> None:
    text = "Run:\n```\n" + "\n".join(f"line {n}" for n in range(8)) + "\n```\nDone."
    parts = split_message(text, limit=50)
    assert len(parts) > 1
    assert all(part.count("```") % 2 == 0 for part in parts)
    assert all(len(part) <= 50 for part in parts)
    joined = " ".join(parts).replace("```", "").split()
    assert joined == text.replace("```", "").split()


PIECES = st.sampled_from(
    ["word", "a", "Ünï", "😀", "👩‍🔧", "é", "。", ". ", "? ", "! ", "\n",
     "\n\n", " ", "我们", "؟ ", "1. ", "x" * 40]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=120).map("".join)


@settings(max_examples=300)
@given(text=TEXTS, limit=st.integers(min_value=12, max_value=90))
def test_nothing_is_lost_no_part_is_empty_or_too_long(text: str, limit: int) -> None:
    parts = split_message(text, limit=limit)
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert all(part.strip() for part in parts)
    assert all(message_length(part) <= limit for part in parts)


@given(text=TEXTS, limit=st.integers(min_value=12, max_value=90))
def test_there_are_no_more_parts_than_filling_each_to_its_last_word_gives(
    text: str, limit: int
) -> None:
    assert len(split_message(text, limit=limit)) <= filled(text, limit=limit)


def filled(text: str, *, limit: int) -> int:
    """Parts when each takes as many words as it can; a long word starts in a part of its own."""
    count, used = 0, limit + 1
    for space, word in regex.findall(r"(\s*)(\S+)", text.strip()):
        size = message_length(word)
        if size > limit:
            return len(text)  # cut inside words: graphemes decide, not counted here
        if used + message_length(space) + size <= limit:
            used += message_length(space) + size
        else:
            count, used = count + 1, size
    return count


FENCED = st.lists(st.one_of(PIECES, st.just("\n```\n")), max_size=80).map("".join)


@given(text=FENCED, limit=st.integers(min_value=30, max_value=120))
def test_every_part_of_fenced_text_is_whole(text: str, limit: int) -> None:
    parts = split_message(text, limit=limit)
    assert all(message_length(part) <= limit for part in parts)
    assert all(part.strip() for part in parts)
    lost = "".join("".join(parts).replace("```", "").split())
    assert lost == "".join(text.replace("```", "").split())
