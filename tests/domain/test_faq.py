"""Questions and answers are read as businesses write them down."""

import json

import pytest

from domain.faq import MOST_PAIRS, FaqError, Pair, checked, read_faq, write_faq

PAIRS = [
    Pair("Do you deliver?", "Yes, daily."),
    Pair("Where are you?", 'In "Lisbon", by the river.'),
]


@pytest.mark.parametrize(
    "text",
    [
        'question,answer\nDo you deliver?,"Yes, daily."\n'
        'Where are you?,"In ""Lisbon"", by the river."\n',
        'Answer;Topic;Question\n"Yes, daily.";a;Do you deliver?\n"In ""Lisbon"", by the river.";b;'
        "Where are you?",
        "\ufeffquestion\tanswer\r\nDo you deliver?\tYes, daily.\r\n"
        'Where are you?\t"In ""Lisbon"", by the river."\r\n\r\n',
        json.dumps([{"question": one.question, "answer": one.answer} for one in PAIRS]),
        json.dumps({"faq": [{"Q": one.question, "A": one.answer, "id": 3} for one in PAIRS]}),
        write_faq(PAIRS),
    ],
    ids=["commas", "semicolons", "tabs", "JSON", "JSON in an object", "our own"],
)
def test_tables_and_json_are_read(text: str) -> None:
    assert read_faq(text) == PAIRS


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "no question"),
        ("question,answer\n", "no question"),
        ("What,That\na,b\n", "first line must name"),
        ("question,answer\nWhy?,\n", "Pair 1 has no answer"),
        ("question,answer\nWhy?,Because\nWHY ?,No\nwhy?,Again\n", "Pair 3 asks a question"),
        ("[1, 2]", "list of objects"),
        ('[{"question": "Why?"', "begins like JSON"),
        ('[{"question": 3, "answer": "x"}]', "Pair 1 has no question"),
        ("[" * 100_000, "begins like JSON"),
        ('question,answer\n"Why?,Because', "cannot be read"),
        ("question,answer\n" + "q" * 501 + ",a\n", "too long"),
    ],
)
def test_what_cannot_be_read_is_told_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(FaqError, match=sentence):
        read_faq(text)


def test_there_are_only_so_many() -> None:
    pairs = [Pair(f"Question {number}?", "Answer.") for number in range(MOST_PAIRS + 1)]
    assert len(checked(pairs[:-1])) == MOST_PAIRS
    with pytest.raises(FaqError, match="several sources"):
        checked(pairs)


def test_a_question_is_the_same_whatever_its_answer_and_spelling() -> None:
    assert Pair("Do you  deliver?", "Yes").key == Pair("do YOU deliver?", "No").key
    assert Pair("Do you deliver?", "Yes").key != Pair("Do you repair?", "Yes").key
