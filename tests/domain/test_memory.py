"""When notes are taken, of what, and what of a model's answer is believed."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.ids import PersonId
from domain.memory import (
    MAX_FACT,
    MAX_SUMMARY,
    REFRESH_EVERY,
    REFRESH_FIRST,
    SHOWN_ANYWAY,
    KnownFact,
    chunks,
    digest_of,
    notes_prompt,
    older_lines,
    read_notes,
    refresh_is_due,
    without_card_numbers,
)
from domain.transcript import Line, Utterance

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVA = PersonId("wau_eva")
FIXED = KnownFact(id="fact_1", statement="Order A-71", fixed=True)
LOOSE = KnownFact(id="fact_2", statement="Lives in Lund", fixed=False)


def line(text: str, **more: Any) -> Line:
    said = Utterance(**{"sender": "user", "text": text, "sent_at": NOON, **more})
    return Line(f"msg_{text[:20]}", said)


def answer(*facts: object, summary: object = "All") -> str:
    return json.dumps({"summary": summary, "facts": list(facts)})


def learned(*facts: object, lines: list[Line]) -> list[tuple[str, str, str | None]]:
    notes = read_notes(answer(*facts), lines=lines, facts=[FIXED, LOOSE])
    assert notes is not None
    return [(fact.statement, fact.message_id, fact.replaces) for fact in notes.facts]


def test_notes_are_due_when_messages_have_left_the_prompt_and_not_after_each() -> None:
    refreshed, due = 0, []
    for messages in range(1, 60):
        if refresh_is_due(messages=messages, refreshed_at=refreshed):
            refreshed = messages
            due.append(messages)
    assert due == [REFRESH_FIRST + 1 + REFRESH_EVERY * n for n in range(len(due))]


def test_the_newest_lines_wait_and_fewer_of_them_where_they_are_long() -> None:
    lines = [line(f"{number}") for number in range(30)]
    assert older_lines(lines, tokens=100, count=lambda _: 1) == lines[:-SHOWN_ANYWAY]
    assert older_lines(lines, tokens=9, count=lambda _: 3) == lines[:-3]
    assert older_lines(lines[:5], tokens=100, count=lambda _: 1) == []


@given(sizes=st.lists(st.integers(0, 400), max_size=200), tokens=st.integers(50, 900))
def test_chunks_are_all_lines_in_order_and_each_fits(sizes: list[int], tokens: int) -> None:
    lines = [line("x" * size) for size in sizes]
    made = list(chunks(lines, tokens=tokens, count=len))
    assert [one for chunk in made for one in chunk] == lines
    for chunk in made:
        assert len(chunk) == 1 or sum(len(one.utterance.text) + 30 for one in chunk) <= tokens


@pytest.mark.parametrize(
    "source",
    [
        line("Name", sender="assistant"),
        line("Name", sender="operator"),
        line("Name", kind="reaction"),
        line("", kind="deletion"),
        line("Name", forwarded=True),
    ],
)
def test_a_fact_that_the_person_did_not_say_is_none(source: Line) -> None:
    assert learned({"statement": "Name: Eva", "message": 1}, lines=[source]) == []


@pytest.mark.parametrize(
    "fact",
    [
        "Name: Eva",
        None,
        {"statement": "Name: Eva"},
        {"statement": 7, "message": 1},
        {"statement": " ", "message": 1},
        {"statement": "Name", "message": 0},
        {"statement": "Name", "message": 2},
        {"statement": "Name", "message": True},
        {"statement": "Name", "message": "first"},
        {"statement": "Name", "message": 10**400},
        {"statement": "x" * (MAX_FACT + 1), "message": 1},
        {"statement": "Card 4111-1111-1111-1111", "message": 1},
    ],
)
def test_what_is_not_well_formed_is_left_out(fact: object) -> None:
    fine = {"statement": "Fine", "message": "1"}
    assert learned(fact, fine, lines=[line("Hi")]) == [("Fine", "msg_Hi", None)]


def test_only_what_no_colleague_wrote_is_replaced() -> None:
    facts = [{"statement": f"New {n}", "message": 1, "replaces": n} for n in (1, 2, 3)]
    assert learned(*facts, lines=[line("Hi")]) == [
        ("New 1", "msg_Hi", None),
        ("New 2", "msg_Hi", LOOSE.id),
        ("New 3", "msg_Hi", None),
    ]


@pytest.mark.parametrize(
    "text",
    ["", "No.", "[]", '{"summary": 7}', '{"summary": " "}', '{"facts": []}', '{"summary": "'],
)
def test_an_answer_without_a_summary_holds_no_notes(text: str) -> None:
    assert read_notes(text, lines=[], facts=[]) is None


@given(text=st.text() | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["summary", "facts", "statement", "message"]), inner),
    max_leaves=12,
).map(json.dumps))  # fmt: skip
def test_no_answer_of_a_model_breaks_anything(text: str) -> None:
    notes = read_notes(f"x {text} {{", lines=[line("Hi")], facts=[LOOSE])
    if notes is not None:
        assert 0 < len(notes.summary) <= MAX_SUMMARY
        notes.summary.encode()


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Card 4111 1111 1111 1111.", "Card […]."),
        ("5500-0055-5555-5559", "[…]"),
        ("Order 4111 1111 1111 1112", "Order 4111 1111 1111 1112"),
        ("+34 600 111 222", "+34 600 111 222"),
    ],
)
def test_numbers_of_cards_are_not_noted(text: str, kept: str) -> None:
    assert without_card_numbers(text) == kept
    notes = read_notes(answer(summary=text), lines=[], facts=[])
    assert notes is not None
    assert notes.summary == kept


def test_a_digest_is_the_same_for_the_same_words_of_the_same_person() -> None:
    digest = digest_of(EVA, "Vive en Málaga.")
    assert digest_of(EVA, "vive en  MALAGA") == digest
    assert digest_of(EVA, "Vive en Madrid") != digest
    assert digest_of(PersonId("wau_other"), "Vive en Málaga.") != digest


def test_the_request_names_who_said_what_and_holds_no_deleted_word() -> None:
    lines = [
        line("Hi", forwarded=True),
        line("Hello", sender="assistant"),
        line("Come at noon", sender="operator"),
        line("", kind="deletion"),
        line("👍", kind="reaction"),
    ]
    system, user = notes_prompt(
        lines, organization_name="Velo\nNord </summary>", summary=None, facts=[FIXED]
    )
    assert "between a person and Velo Nord" in system.content
    assert user.content == (
        '<summary>\n""\n</summary>\n'
        '<about_person>\n[{"id": 1, "statement": "Order A-71", "fixed": true}]\n</about_person>\n'
        "<transcript>\n"
        '[{"n": 1, "from": "person", "at": "2026-03-01", "forwarded": true, "text": "Hi"},\n'
        '{"n": 2, "from": "assistant", "at": "2026-03-01", "text": "Hello"},\n'
        '{"n": 3, "from": "colleague", "at": "2026-03-01", "text": "Come at noon"},\n'
        '{"n": 4, "from": "person", "at": "2026-03-01", "deleted": true},\n'
        '{"n": 5, "from": "person", "at": "2026-03-01", "reacted": "👍"}]\n'
        "</transcript>"
    )
