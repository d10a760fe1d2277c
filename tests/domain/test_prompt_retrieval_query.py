"""What is searched for, alone and in context."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.prompt import Utterance
from domain.retrieval_query import MAX_QUERY_LENGTH, RetrievalQuery, retrieval_query


def asked(*texts: str) -> list[Utterance]:
    at = datetime(2026, 11, 22, tzinfo=UTC)
    return [Utterance(sender="user", text=text, sent_at=at) for text in texts]


def test_a_first_question_stands_alone() -> None:
    assert retrieval_query(["What does a service cost?"], history=[]) == RetrievalQuery(
        text="What does a service cost?"
    )


def test_a_short_follow_up_is_also_searched_with_the_question_before_it() -> None:
    history = asked("Do you rent bikes?", "When are you open during the week?")
    assert retrieval_query(["And on Sunday?"], history=history) == RetrievalQuery(
        text="And on Sunday?", contextual="When are you open during the week? And on Sunday?"
    )


def test_a_follow_up_to_a_follow_up_reaches_back_to_the_subject() -> None:
    history = asked("When are you open during the week?", "And on Sunday?")
    query = retrieval_query(["Saturday?"], history=history)
    assert query.contextual == "When are you open during the week? And on Sunday? Saturday?"


def test_a_long_question_stands_alone() -> None:
    history = asked("When are you open?")
    text = "How much does it cost to rent an electric cargo bike for a whole weekend?"
    assert retrieval_query([text], history=history).contextual is None


@pytest.mark.parametrize(
    "text",
    [
        "ok and how much would it be if I wanted to keep it for the whole week?",
        "How long does that usually take until it is at my door in Utrecht?",
        "vale, ¿y cuánto me costaría eso si lo quiero para toda la semana entera?",
        "super, und was kostet das, wenn ich es die ganze Woche behalten möchte?",
        "d'accord, et combien ça coûterait si je la prends pour toute la semaine ?",
        "ok e quanto custa isso se eu quiser ficar com ela a semana inteira?",
        "okej, och vad kostar det om jag vill ha den en hel vecka i stället?",
    ],
)
def test_a_long_follow_up_is_searched_beside_what_it_leans_on(text: str) -> None:
    query = retrieval_query([text], history=asked("Where are you?", "What does an e-bike cost?"))
    assert query.queries == [text, "What does an e-bike cost?"]


@pytest.mark.parametrize(
    "text",
    [
        "How much does it cost to rent an electric cargo bike for a whole weekend?",
        "Könnt ihr mir sagen, wie viel die Reparatur einer Gangschaltung bei euch kostet?",
        "I have bought a bicycle at your shop in May and want the brakes to be checked soon.",
    ],
)
def test_a_long_question_that_says_what_it_is_about_leans_on_nothing(text: str) -> None:
    assert retrieval_query([text], history=asked("When are you open?")).queries == [text]


def test_scripts_without_spaces_count_words_too() -> None:
    history = asked("你们几点开门?")
    assert retrieval_query(["周日呢?"], history=history).contextual == "你们几点开门? 周日呢?"
    long = "请问租一辆电动货运自行车整个周末需要多少钱以及押金是多少?"
    assert retrieval_query([long], history=history).contextual is None


def test_only_the_person_is_leant_on() -> None:
    at = datetime(2026, 11, 22, tzinfo=UTC)
    history = [Utterance(sender="assistant", text="How can I help?", sent_at=at)]
    assert retrieval_query(["Sunday?"], history=history).contextual is None


def test_a_burst_is_one_query_and_an_emoji_is_none() -> None:
    assert retrieval_query(["Hi", "do you  rent\ne-bikes?"], history=[]).text == (
        "Hi do you rent e-bikes?"
    )
    assert retrieval_query(["👍"], history=asked("When are you open?")).queries == []


@given(texts=st.lists(st.text(), max_size=4), earlier=st.lists(st.text(), max_size=4))
def test_queries_are_clean_and_bounded(texts: list[str], earlier: list[str]) -> None:
    for query in retrieval_query(texts, history=asked(*earlier)).queries:
        assert 0 < len(query) <= MAX_QUERY_LENGTH
        query.encode()
        assert "\x00" not in query
