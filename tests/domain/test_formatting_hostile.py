"""What a hostile or broken model writes costs no more time than anything else."""

import time

import pytest

from domain.answer import EmptyAnswerError, read_answer
from domain.formatting import split_message, to_whatsapp

LENGTH = 20_000
SECONDS = 2.0
"""Each takes a tenth of it on an idle core; a quadratic pattern takes minutes."""


@pytest.mark.parametrize(
    "unit", [" ", "\n", ".", ". ", "[", "[1", "[1](", "*", "_a ", "`", "```\n",
             "> ", "<", "|a", "1 ", "e\u0301"]
)  # fmt: skip
def test_repeated_text_is_handled_in_time(unit: str) -> None:
    text = unit * (LENGTH // len(unit)) + "x"
    started = time.perf_counter()
    try:
        answer = read_answer(text, passages=[]).text
    except EmptyAnswerError:
        answer = text
    split_message(to_whatsapp(answer))
    assert time.perf_counter() - started < SECONDS
