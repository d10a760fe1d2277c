"""An answer and its offer as messages."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.message_length import message_length
from contracts.outbound import (
    ButtonsContent,
    LinkButtonContent,
    ListContent,
    LocationRequestContent,
    ReplyButton,
    TextContent,
)
from domain.answer import EmptyAnswerError
from domain.outbound import graph_message, words_of
from domain.reply_contents import reply_contents, shortened
from domain.tool_calls import ChoicesOffer, LinkOffer, LocationOffer, Option
from local.simulator.outgoing import parse_send

LONG = "\n\n".join(f"Paragraph {number}: " + "word " * 60 for number in range(6))


def choices(*titles: str, button: str | None = None) -> ChoicesOffer:
    return ChoicesOffer(options=tuple(Option(title=title) for title in titles), button=button)


def test_an_answer_without_an_offer_is_text() -> None:
    assert reply_contents("At nine.", None) == [TextContent(body="At nine.")]


def test_nothing_to_see_is_no_answer() -> None:
    with pytest.raises(EmptyAnswerError):
        reply_contents("\u200b \x01", None)


def test_few_short_choices_are_buttons() -> None:
    assert reply_contents("Which size?", choices("Small", "Large")) == [
        ButtonsContent(
            body="Which size?",
            options=(
                ReplyButton(id="choice:1", title="Small"),
                ReplyButton(id="choice:2", title="Large"),
            ),
        )
    ]


@pytest.mark.parametrize(
    "offer",
    [
        choices("One", "Two", "Three", "Four"),
        choices("Small", "A title beyond 20 chars"),
        ChoicesOffer(options=(Option(title="Small", description="6"), Option(title="Large"))),
    ],
)
def test_other_choices_are_a_list(offer: ChoicesOffer) -> None:
    (content,) = reply_contents("Which?", offer)

    assert isinstance(content, ListContent)
    assert [row.id for row in content.rows] == [
        f"choice:{number}" for number in range(1, len(offer.options) + 1)
    ]
    assert content.button == "☰"


def test_a_long_title_is_cut_and_stands_whole_in_its_description() -> None:
    title = "Rental of an electric bicycle"
    offer = ChoicesOffer(
        options=(Option(title=title, description="for a day"), Option(title="Other")),
        button="Show me everything there is",
    )

    (content,) = reply_contents("Which?", offer)

    assert isinstance(content, ListContent)
    assert content.button == "Show me everything…"
    assert content.rows[0].title == "Rental of an electric b…"
    assert content.rows[0].description == f"{title}: for a day"
    assert f"[choice: Rental of an electric b…: {title}: for a day]" in words_of(content)


def test_a_question_too_long_for_buttons_is_a_list() -> None:
    (content,) = reply_contents(LONG, choices("Yes", "No"))

    assert isinstance(content, ListContent)
    assert content.body == LONG.strip()


def test_what_does_not_fit_beside_an_offer_goes_ahead() -> None:
    *before, last = reply_contents(f"{LONG}\n\nWhere are you?\n\n📄 Prices", LocationOffer())

    assert [type(one) for one in before] == [TextContent]
    assert last == LocationRequestContent(body="Where are you?\n\n📄 Prices")


def test_one_long_paragraph_is_cut_before_its_offer() -> None:
    contents = reply_contents("word " * 500, LocationOffer())

    assert isinstance(contents[-1], LocationRequestContent)
    assert len(contents) == 3


def test_a_link_without_a_title_is_named_after_its_site() -> None:
    (content,) = reply_contents("Pay", LinkOffer(title="", url="https://shop.example/pay"))

    assert content == LinkButtonContent(
        body="Pay", title="shop.example", url="https://shop.example/pay"
    )


@given(st.text(st.sampled_from("aé中🙂👩🏽‍🚀 "), max_size=80), st.integers(2, 24))
def test_a_shortened_text_fits_and_is_not_cut_inside_a_character(text: str, limit: int) -> None:
    short = shortened(text, limit)

    assert message_length(short) <= limit
    assert short == text or short.endswith("…")


_VISIBLE = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1)
_OPTION = st.builds(Option, title=_VISIBLE, description=st.none() | _VISIBLE)
_OFFERS = (
    st.lists(_OPTION, min_size=2, max_size=10, unique_by=lambda one: one.title.casefold()).map(
        lambda options: ChoicesOffer(options=tuple(options))
    )
    | st.just(LocationOffer())
    | st.builds(LinkOffer, title=_VISIBLE, url=st.just("https://shop.example"))
)


@given(text=_VISIBLE | st.just(LONG), offer=_OFFERS, times=st.integers(1, 30))
@settings(max_examples=300, deadline=None)
def test_every_message_of_an_answer_is_taken(text: str, offer: ChoicesOffer, times: int) -> None:
    for content in reply_contents("A" + text * times, offer):
        parse_send(graph_message(content, wa_id="46701234567", user_id=None, callback="c"))
