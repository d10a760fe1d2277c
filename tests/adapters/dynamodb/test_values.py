from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.dynamodb.pages import InvalidCursor, decode_cursor, encode_cursor
from adapters.dynamodb.values import attributes, plain, storable, timestamp

stored = st.recursive(
    st.text() | st.integers() | st.booleans() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(st.dictionaries(st.text(min_size=1), stored))
def test_values_come_back_as_they_went(values: dict[str, object]) -> None:
    assert plain(attributes(values)) == values


@given(st.text(alphabet=st.characters()))
def test_any_text_can_be_encoded(text: str) -> None:
    assert storable(text).encode().decode() == storable(text)
    assert storable(text) == text or any("\ud800" <= char <= "\udfff" for char in text)


def test_a_float_is_refused() -> None:
    with pytest.raises(TypeError, match="float"):
        attributes({"score": 0.1})


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_timestamps_sort_by_time(one: datetime, other: datetime) -> None:
    if one.year >= 1000 <= other.year:
        assert (timestamp(one) < timestamp(other)) == (one < other)


def test_timestamps_are_in_utc() -> None:
    moment = datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    assert timestamp(moment) == "2025-12-31T23:00:00.000000Z"


@given(st.lists(st.text(min_size=1, max_size=100), min_size=2, max_size=2))
def test_cursors_come_back_as_they_went(position: list[str]) -> None:
    assert decode_cursor(encode_cursor(*position), parts=2) == position


@given(st.text())
def test_a_made_up_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        decode_cursor(cursor, parts=1)
