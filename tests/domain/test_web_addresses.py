"""Addresses that mean the same page are the same, and a crawl stays where it may go."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.sync_timing import is_cron, timing_digest
from domain.vanishing import is_suspicious
from domain.web_addresses import Scope, host_of, normalized

BASE = "https://Shop.example/help/start"


@pytest.mark.parametrize(
    ("given", "same"),
    [
        ("HTTPS://shop.EXAMPLE:443/a#top", "https://shop.example/a"),
        ("delivery", "https://shop.example/help/delivery"),
        ("/a?utm_source=x&b=1&fbclid=2", "https://shop.example/a?b=1"),
        ("//other.example", "https://other.example/"),
        ("http://shop.example:8080", "http://shop.example:8080/"),
        ("https://münchen.de/x", "https://xn--mnchen-3ya.de/x"),
        ("https://[2001:db8::1]/x", "https://[2001:db8::1]/x"),
    ],
)
def test_an_address_has_one_spelling(given: str, same: str) -> None:
    assert normalized(given, base=BASE.lower()) == same
    assert normalized(same) == same


@pytest.mark.parametrize(
    "given",
    [
        "mailto:us@shop.example", "javascript:alert(1)", "ftp://shop.example/", "https://", "",
        "https://user:pass@shop.example/", "http://[", "https://shop.example:x/",
        "https://shop.example/" + "a" * 3000,
    ],
)  # fmt: skip
def test_what_is_no_web_page_has_none(given: str) -> None:
    assert normalized(given) is None


@given(st.text(max_size=80))
@example("0 #")
@example("a? &b ")
@example(" ? #")
def test_whatever_a_page_links_to_is_an_address_of_the_web_or_nothing(link: str) -> None:
    found = normalized(link, base="https://shop.example/a/b")
    assert found is None or found.startswith(("https://", "http://"))
    assert found is None or normalized(found) == found


def test_a_scope_is_hosts_and_the_beginnings_of_paths() -> None:
    scope = Scope(frozenset({"shop.example"}), include=["/help/"], exclude=["/help/old/"])
    assert scope.holds("https://shop.example/help/a")
    assert not scope.holds("https://shop.example/about")
    assert not scope.holds("https://shop.example/help/old/a")
    assert not scope.holds("https://evil.example/help/a")
    assert not scope.may_follow("https://shop.example/help/logo.PNG")
    assert scope.may_follow("https://shop.example/help/prices.pdf")
    assert host_of("https://shop.example:8443/a") == "shop.example:8443"


@pytest.mark.parametrize(
    ("kept", "missing", "suspicious"),
    [(5, 0, False), (0, 1, True), (3, 4, False), (4, 5, False), (5, 5, False), (4, 6, True),
     (0, 300, True), (100, 99, False)],
)  # fmt: skip
def test_much_that_is_missing_at_once_is_not_believed(
    kept: int, missing: int, suspicious: bool
) -> None:
    assert is_suspicious(kept=kept, missing=missing) is suspicious


@pytest.mark.parametrize("cron", ["0 6 * * 1-5", "*/5 * * * *", "@hourly", " @daily "])
def test_what_starts_once_a_minute_at_most_is_a_cron_expression(cron: str) -> None:
    assert is_cron(cron)


@pytest.mark.parametrize(
    "cron",
    [
        "@every 1s",
        "* * * * * * *",
        "* * * * * *",
        "TZ=UTC 0 6 * * *",
        "0 6 * *",
        "",
        "0 6 * * * #x",
    ],
)
def test_what_could_start_more_often_is_none(cron: str) -> None:
    assert not is_cron(cron)


def test_another_timing_has_another_digest() -> None:
    timings = [None, {"every_seconds": 60}, {"every_seconds": 61}, {"cron": "0 6 * * *"},
               {"cron": "0 6 * * *", "timezone": "UTC"}]  # fmt: skip
    assert len({timing_digest(one) for one in timings}) == len(timings)
    assert timing_digest({"a": 1, "b": 2}) == timing_digest({"b": 2, "a": 1})
