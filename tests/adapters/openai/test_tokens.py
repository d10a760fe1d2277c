"""Token counts as OpenAI's models count them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.openai.tokens import SLICE, count_tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("", 0), ("hello world", 2), ("tiktoken is great!", 6), ("お誕生日おめでとう", 8)],
)
def test_counts_are_those_of_o200k_base(text: str, tokens: int) -> None:
    assert count_tokens(text) == tokens


def test_what_looks_like_a_special_token_is_plain_text() -> None:
    assert count_tokens("<|endoftext|>") > 1


def test_a_hostile_text_is_counted_in_bounded_time() -> None:
    assert count_tokens("a" * (10 * SLICE)) > SLICE


@given(st.text())
def test_any_text_has_a_count(text: str) -> None:
    assert 0 <= count_tokens(text) <= max(1, len(text.encode("utf-8", "replace")))
    assert count_tokens(text + "\ud800") >= 0
