"""What an answer may claim, by what somebody has told the model."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.grounding import Grounds

TOLD = [
    "Open 10:00 to 18:30, Saturday 9:30 to 17:00. Closed on 24 December 2026.",
    "Call 010 555 0142 or +34 600 111 222, or write to info@harbour.example.",
    "An e-bike costs €1.299,00, delivery to Utrecht €35, cash up to 500 euros. 2 years warranty.",
    "See https://www.harbour.example/rent?bike=1 and shop.example. We repair within 48 hours.",
]


@pytest.mark.parametrize(
    "answer",
    [
        "We open at 10:00 and close at 6:30 pm.",
        "Vi stänger 18.30.",
        "Geöffnet von 10 bis 18.30 Uhr",
        "10:00-18:30",
        "10.00 – 18.30",
        "Saturday till 17 Uhr, that is 5 pm",
        "€1299", "1 299 €", "1,299.00 euros", "1’299.-", "EUR 1.299",
        "500,00 €", "cash up to €500",
        "within 48 hours",
        "three or 5 days",
        "24.12.2026", "2026-12-24", "December 24th",
        "Ring 010 555 0142", "010-5550142", "(010) 555 01 42", "600 111 222", "+34600111222",
        "0034 600 111 222",
        "INFO@harbour.example", "mailto:info@harbour.example", "tel:+34600111222",
        "https://www.harbour.example/rent?bike=1.", "http://harbour.example/rent?bike=1",
        "harbour.example", "https://shop.example/",
        "t.ex. idag, z.B. heute",
        "1. One\n2. Two\n14. Fourteen",
        "٣٥ €",
        "Thanks! 😊",
    ],
)  # fmt: skip
def test_what_was_told_may_be_said_in_any_format(answer: str) -> None:
    assert Grounds(TOLD).lacking(answer) == []


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("It costs €1.298", "number"),
        ("It costs 5 euros", "number"),
        ("It is €5 off", "number"),
        ("10 % discount", "number"),
        ("within 13 days", "number"),
        ("We close at 7:15 pm", "number"),
        ("We close at 9 pm", "number"),
        ("on 25.12.2026", "number"),
        ("５９９ €", "number"),
        ("room 4711", "number"),
        ("€1.299,50", "number"),
        ("It costs €555", "number"),
        ("Ring\n900. or\n800. please", "number"),
        ("see http://203.0.113.9/pay", "link"),
        ("see 203.0.113.9/pay", "phone"),
        ("call +99 600 111 222", "phone"),
        ("call +31 10 555 0142", "phone"),
        ("ring 900 123 456", "phone"),
        ("ring 9 0 0 1 2 3 4 5 6", "phone"),
        ("write to info@evil.example", "email"),
        ("write to xinfo@harbour.example", "email"),
        ("see https://evil.example", "link"),
        ("see evil.example/pay", "link"),
        ("see www.evil.example", "link"),
        ("see https://harbour.example/pay", "link"),
        ("see https://www.harbour.example/rent?bike=2", "link"),
        ("see https://www.harbour.example/rent?bike=1&next=evil", "link"),
        ("see https://harbour.example.evil.example/", "link"),
        ("see https://harbour.example@203.0.113.9/", "link"),
        ("see https://hаrbour.example/", "link"),
        ("javascript://harbour.example", "link"),
        ("tel:+99600111222", "link"),
        ("mailto:info@evil.example", "email"),
        ("evil\u200b.example", "link"),
    ],
)
def test_what_nobody_told_is_noticed(answer: str, kind: str) -> None:
    assert kind in {claim.kind for claim in Grounds(TOLD).lacking(answer)}


def test_with_pictures_figures_may_come_from_them_and_nothing_else() -> None:
    grounds = Grounds(TOLD, pictures=True)
    assert grounds.lacking("Your receipt says €87.20.") == []
    assert [claim.kind for claim in grounds.lacking("€87.20 at evil.example")] == ["link"]


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_text_is_grounded_in_itself(text: str, more: str) -> None:
    lacking = Grounds([f"{more}\n{text}\n{more}"]).lacking(text)
    assert [claim for claim in lacking if claim.kind in ("email", "link")] == []


@given(st.decimals(min_value=13, max_value=99_999, places=2))
def test_an_amount_is_the_same_in_every_country(amount: object) -> None:
    english = f"{amount:,.2f}"
    german = english.translate(str.maketrans(",.", ".,"))
    swedish = english.translate({ord(","): "\u00a0", ord("."): ","})
    swiss = english.replace(",", "\u2019")
    for written in (english, german, swedish, swiss):
        for told in (english, german, swedish, swiss):
            assert Grounds([f"It is {told} kr."]).lacking(f"€{written}") == []
    assert Grounds(["It is free."]).lacking(f"€{english}") != []


@given(st.text(alphabet=st.sampled_from("0123456789+.-/:() @aZé\n\t%€'"), max_size=80))
def test_anything_can_be_looked_at(text: str) -> None:
    Grounds([text]).lacking(text[::-1])
