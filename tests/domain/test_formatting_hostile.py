"""What a hostile or broken model writes costs no more time than anything else."""

import json
import time

import pytest

from domain.answer import EmptyAnswerError, read_answer
from domain.formatting import split_message, to_whatsapp
from domain.model_tools import AssistantTools, ToolCall
from domain.reply_contents import reply_contents
from domain.tool_calls import read_tool_calls

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


@pytest.mark.parametrize(
    "unit",
    ["[choice: ", "[choice: a]\n", "[choice: a] ", "\n", "] ", "https://", "📄\n", "{", '["a",'],
)
def test_repeated_text_around_tool_calls_is_handled_in_time(unit: str) -> None:
    text = unit * (LENGTH // len(unit)) + "x"
    calls = [
        ToolCall(name=name, arguments=arguments)
        for name in ("offer_choices", "send_link", "say_unknown")
        for arguments in (text, json.dumps({"body": text, "text": text, "options": [text, "b"]}))
    ]
    started = time.perf_counter()
    answer = read_tool_calls(text, calls, tools=AssistantTools(links=True), sources=[text])
    reply_contents(answer.text, answer.offer)
    assert time.perf_counter() - started < SECONDS
