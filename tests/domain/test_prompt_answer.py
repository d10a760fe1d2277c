"""What of the model's answer reaches the person."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.answer import EmptyAnswerError, read_answer
from domain.formatting import to_whatsapp
from domain.prompt import Passage
from domain.source_line import without_source_line

PASSAGES = [
    Passage(id="p-1", title="Opening hours", text="…"),
    Passage(id="p-2", title="Prices", text="…"),
    Passage(id="p-3", title="Opening hours", text="…"),
]


@pytest.mark.parametrize(
    ("raw", "text", "ids"),
    [
        ("Open at 10 [1].", "Open at 10.\n\n📄 Opening hours", ["p-1"]),
        ("890[2]. To 18[1].", "890. To 18.\n\n📄 Prices · Opening hours", ["p-2", "p-1"]),
        ("Yes [1, 3].", "Yes.\n\n📄 Opening hours", ["p-1", "p-3"]),
        ("Yes [1][2].", "Yes.\n\n📄 Opening hours · Prices", ["p-1", "p-2"]),
        ("Yes 【2†source】.", "Yes.\n\n📄 Prices", ["p-2"]),
        ("Yes [^2].", "Yes.\n\n📄 Prices", ["p-2"]),
        ("Yes [2](https://made.up/x).", "Yes.\n\n📄 Prices", ["p-2"]),
        ("Yes [9].", "Yes.", []),
        ("Yes [0] and [4].", "Yes and.", []),
        ("Use `list[1]`.", "Use `list[1]`.", []),
        ("See [our page](https://velo.example).", "See [our page](https://velo.example).", []),
        ("<think>hm [2]</think>\nOpen [1]", "Open\n\n📄 Opening hours", ["p-1"]),
        ("Open [1]\n\n📄 Something else", "Open\n\n📄 Opening hours", ["p-1"]),
        ("👍", "👍", []),
    ],
)  # fmt: skip
def test_citations_are_checked_and_named(raw: str, text: str, ids: list[str]) -> None:
    answer = read_answer(raw, passages=PASSAGES)
    assert answer.text == text
    assert answer.cited_passage_ids == ids


@pytest.mark.parametrize(
    "raw", ["", "  \n ", "[1]", "\u200b", "<think>still thinking", "…", "📄 x"]
)
def test_nothing_to_send_is_an_error(raw: str) -> None:
    with pytest.raises(EmptyAnswerError):
        read_answer(raw, passages=PASSAGES)


def test_a_title_is_shown_as_it_is_written() -> None:
    passage = Passage(id="p", title="price_list *2026* [draft]", text="…")
    answer = read_answer("Yes [1]", passages=[passage])
    assert to_whatsapp(answer.text) == "Yes\n\n📄 price_list *2026* [draft]"


@given(raw=st.text(alphabet=st.sampled_from("a .[]()123,`\n📄^【】"), max_size=60))
def test_only_retrieved_passages_are_ever_cited(raw: str) -> None:
    try:
        answer = read_answer(raw, passages=PASSAGES)
    except EmptyAnswerError:
        return
    assert set(answer.cited_passage_ids) <= {"p-1", "p-2", "p-3"}
    assert len(answer.cited_passage_ids) == len(set(answer.cited_passage_ids))
    assert answer.text.strip()


@pytest.mark.parametrize(
    ("shown", "written"),
    [
        ("At nine.\n\n📄 Hours", "At nine."),
        ("At nine.\n\n📄 Hours\n", "At nine."),
        (
            "Which?\n\n📄 Menu\n[choice: Small]\n[choice: Large]",
            "Which?\n[choice: Small]\n[choice: Large]",
        ),
        ("Which?\n[choice: Small]", "Which?\n[choice: Small]"),
        ("📄 Hours", ""),
        ("📄 Hours\nAt nine.", "📄 Hours\nAt nine."),
        ("[choice: Small]", "[choice: Small]"),
        ("", ""),
    ],
)
def test_a_model_is_not_shown_source_lines(shown: str, written: str) -> None:
    assert without_source_line(shown) == written
