"""What is kept of a question without an answer, and which questions are the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.ids import KnowledgeBaseId
from domain.unanswered import LONGEST, kept_words, looks_like_a_question, question_id

BASE = KnowledgeBaseId("kb_1")


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Do you  sell\nboats?", "Do you sell boats?"),
        ("Mail me at eva.lopez@mail.example, please", "Mail me at [e-mail], please"),
        ("Call me on +34 600 111 222 tonight", "Call me on +[number] tonight"),
        ("My card is 4111-1111-1111-1111, ok?", "My card is [number], ok?"),
        ("Where is order BX20418?", "Where is order [number]?"),
        ("I was born 12.11.1984, am I too old?", "I was born [number], am I too old?"),
        ("Is https://shop.example/u/eva yours?", "Is [link] yours?"),
        ("Do you have size 42 for €19.50?", "Do you have size 42 for €19.50?"),
        ("Why 100 or 200?", "Why 100 or 200?"),
    ],
)
def test_what_identifies_somebody_is_masked(said: str, kept: str) -> None:
    assert kept_words([said]) == kept


@pytest.mark.parametrize("said", ["", "?", "👍", "Boats?", "  ", "\u200b"])
def test_less_than_two_words_are_no_question(said: str) -> None:
    assert kept_words([said]) is None


def test_a_burst_is_one_question_and_a_letter_is_cut_between_words() -> None:
    assert kept_words(["Hi", "do you sell boats?"]) == "Hi do you sell boats?"
    long = kept_words(["Tell me " + "boats " * 200])
    assert long is not None
    assert len(long) <= LONGEST
    assert long.endswith("boats")


def test_case_accents_and_punctuation_do_not_make_another_question() -> None:
    same = {
        question_id(BASE, words)
        for words in ("¿Venden barcos?", "venden BARCOS", "Venden, barcos...", "vénden barcos!")
    }
    assert len(same) == 1
    assert question_id(BASE, "venden coches") not in same
    assert question_id(KnowledgeBaseId("kb_2"), "venden barcos") not in same


@pytest.mark.parametrize(
    ("said", "is_one"),
    [("Do you sell boats?", True), ("你们卖船吗？", True), ("هل تبيعون القوارب؟", True),
     ("thank you so much", False), ("good morning!", False)],
)  # fmt: skip
def test_a_question_has_its_mark(said: str, is_one: bool) -> None:
    assert looks_like_a_question(["hello", said]) == is_one


@given(st.lists(st.text(max_size=400), max_size=3))
def test_anything_may_have_been_said(texts: list[str]) -> None:
    kept = kept_words(texts)
    if kept is not None:
        assert len(kept) <= LONGEST
        assert question_id(BASE, kept).startswith("unq_")
        kept.encode()
