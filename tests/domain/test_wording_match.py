"""How the words of a question are found in texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.relevance import is_relevant, least_cosine
from domain.reranking import rerank
from domain.wording_match import wording_matches

TEXTS = ["Deliveries take two days.", "The warranty is two years.", "We open at nine."]


def best(question: str, texts: list[str] = TEXTS) -> str:
    scores = [match.score for match in wording_matches(question, texts)]
    return texts[max(range(len(texts)), key=scores.__getitem__)]


@pytest.mark.parametrize(
    "question", ["how long is the warranty", "wrranty", "warrantty?", "WARRANTY", "warranties"]
)
def test_a_word_is_found_whatever_its_form_and_in_spite_of_a_slip(question: str) -> None:
    assert best(question) == "The warranty is two years."


def test_other_scripts_are_searched_in_their_own_way() -> None:
    assert best("你们几点开门?", ["保修期为两年。", "我们九点开门。"]) == "我们九点开门。"
    assert best("वारंटी कितनी है", ["डिलीवरी मुफ़्त है", "वारंटी दो साल की है"]) == "वारंटी दो साल की है"


def test_the_whole_wording_covers_and_none_of_it_does_not() -> None:
    whole, none = wording_matches("warranty years", ["two years of warranty", "We open"])
    assert (whole.coverage, none.coverage, none.score) == (1, 0, 0)


@given(st.text(max_size=300), st.lists(st.text(max_size=300), max_size=4))
def test_anything_can_be_compared(question: str, texts: list[str]) -> None:
    matches = wording_matches(question, texts)
    assert len(matches) == len(texts)
    assert all(match.score >= 0 and 0 <= match.coverage <= 1.000001 for match in matches)


def test_wording_decides_between_passages_that_mean_the_same() -> None:
    less, more = rerank([0.8, 0.8], wording=[0.0, 3.0])
    assert more > less
    far, near = rerank([-1.0, 1.0], wording=[3.0, 0.0])
    assert near > far


def test_a_threshold_belongs_to_a_model() -> None:
    least = least_cosine("intfloat/multilingual-e5-small")
    assert least is not None
    assert least_cosine("Multilingual-E5-small") == least
    assert least_cosine("text-embedding-3-small") is None
    assert not is_relevant(cosine=least - 0.01, coverage=0.1, least=least)
    assert is_relevant(cosine=least, coverage=0, least=least)
    assert is_relevant(cosine=None, coverage=0.5, least=least)
    assert is_relevant(cosine=None, coverage=0, least=None)
