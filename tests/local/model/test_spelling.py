"""Slips of the keyboard are mended where the passages have the word that was meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.model.spelling import mended, words_of

SHOP = words_of("Open on Saturday. Puncture repair, gift vouchers, full service. E-Bike-Verleih")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("opn on saterday?", "open on saturday?"),
        ("A punkture, please", "A puncture, please"),
        ("gift vocher", "gift vouchers"),
        ("PUNKTURE", "puncture"),
        # Words that there are stay what they are, however much they look like one of the shop's.
        ("Do you rent a serving table?", "Do you rent a serving table?"),
        ("gifted", "gifted"),
        # So do those that look like none, begin with another letter, or are hardly a word.
        ("Kjempestor", "Kjempestor"),
        ("qpen", "qpen"),
        ("op 2 o on", "op 2 o on"),
        ("", ""),
    ],
)
def test_english(written: str, meant: str) -> None:
    assert mended(written, words=SHOP, language="en") == meant


def test_each_language_has_its_own_dictionary() -> None:
    words = words_of("bicicleta alquiler")
    assert mended("alqiler de bicileta", words=words, language="es") == "alquiler de bicicleta"


@pytest.mark.parametrize("language", ["sv", "xx", ""])
def test_nothing_is_mended_without_a_dictionary(language: str) -> None:
    assert mended("opn on saterday", words=SHOP, language=language) == "opn on saterday"


@given(st.text(), st.sets(st.text(min_size=1).map(str.casefold)))
def test_all_but_words_is_kept_and_the_shops_words_are_never_changed(
    text: str, words: set[str]
) -> None:
    after = mended(text, words=words, language="en")
    assert words_of(text) & words <= words_of(after)
    assert words_of(after) <= words_of(text) | words
    assert mended(after, words=words, language="en") == after
