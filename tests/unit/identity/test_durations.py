from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accredit.identity.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("20s", timedelta(seconds=20)),
        ("5m", timedelta(minutes=5)),
        ("1h", timedelta(hours=1)),
        ("30d", timedelta(days=30)),
        ("1h30m", timedelta(minutes=90)),
        ("1d2h3m4s", timedelta(days=1, hours=2, minutes=3, seconds=4)),
        ("90m", timedelta(minutes=90)),
        ("36500d", timedelta(days=36500)),
    ],
)
def test_people_write_durations_with_units(text: str, duration: timedelta) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize(
    "text",
    ["", "5", "s", "1.5h", "-1h", "1H", "1h ", " 1h", "1 h", "5m1h", "1h1h", "1h\n", "٣s", "1e3s"],
)
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration; expected one such as 20s, 5m, 1h"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["0s", "0d0h", "36501d", "999999999d999999999h"])
def test_a_duration_is_more_than_nothing_and_less_than_for_ever(text: str) -> None:
    with pytest.raises(ValueError, match="is out of range; expected more than 0s"):
        parse_duration(text)


@given(st.integers(1, 36500 * 86400))
def test_what_is_printed_parses_back(seconds: int) -> None:
    duration = timedelta(seconds=seconds)
    assert parse_duration(format_duration(duration)) == duration


def test_a_duration_prints_without_the_units_it_does_not_need() -> None:
    assert format_duration(timedelta(hours=25)) == "1d1h"
    assert format_duration(timedelta()) == "0s"


@given(st.text(alphabet="0123456789dhms. -", max_size=40))
def test_no_text_does_worse_than_a_value_error(text: str) -> None:
    try:
        duration = parse_duration(text)
    except ValueError:
        return
    assert parse_duration(format_duration(duration)) == duration
