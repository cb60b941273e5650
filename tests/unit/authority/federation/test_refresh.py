"""The next poll: the other side's hint within our bounds, by whichever clock is first."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.clock import EPOCH

from accredit.authority.federation.refresh import Wait, interval, wait
from accredit.authority.federation.relationship import FederationSettings

_SETTINGS = FederationSettings()
_MINUTE = timedelta(minutes=1)


@pytest.mark.rows("BP-14", "BP-15", "FC-24")
@pytest.mark.parametrize(
    ("hint", "seconds"), [(None, 300), (0, 30), (1, 30), (60, 60), (86400, 86400), (10**9, 86400)]
)
def test_the_interval_is_the_hint_within_bounds_or_five_minutes(
    hint: int | None, seconds: int
) -> None:
    given_hint = None if hint is None else timedelta(seconds=hint)
    assert interval(_SETTINGS, given_hint) == timedelta(seconds=seconds)


def test_until_a_first_fetch_was_good_the_waits_double_up_to_the_interval() -> None:
    waits = [wait(_SETTINGS, None, 0, failures).seconds for failures in (1, 2, 3, 6, 7, 8, 10**9)]
    assert waits == [5, 10, 20, 160, 300, 300, 300]


@given(st.integers(0, 10**9) | st.none(), st.floats(-1, 1), st.integers(0, 10**6))
def test_no_wait_is_shorter_or_longer_than_a_tenth_beyond_the_bounds(
    seconds: int | None, jitter: float, failures: int
) -> None:
    hint = None if seconds is None else timedelta(seconds=seconds)
    found = wait(_SETTINGS, hint, jitter, failures)
    least = timedelta(seconds=5) if failures else _SETTINGS.refresh_min
    assert least * 0.9 <= found <= _SETTINGS.refresh_max * 1.1


@pytest.mark.parametrize(
    ("wall", "monotonic", "left"),
    [(0, 0, 60), (20, 20, 40), (60, 60, 0), (3600, 1, -3540), (-3600, 20, 40), (-3600, 60, 0)],
)
def test_a_wait_ends_by_whichever_clock_is_first(wall: int, monotonic: int, left: int) -> None:
    began = Wait(EPOCH, 1000.0, _MINUTE)
    now = EPOCH + timedelta(seconds=wall)
    assert began.left(now, 1000.0 + monotonic) == timedelta(seconds=left)
