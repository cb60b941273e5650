from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.clock import EPOCH

from accredit.rotation.schedule import Backoff, renewal_time

HOUR = timedelta(hours=1)
jitters = st.floats(-1, 1)


@pytest.mark.parametrize(("jitter", "minutes"), [(0, 30), (1, 33), (-1, 27)])
def test_an_svid_is_renewed_at_half_its_life_give_or_take_a_tenth(
    jitter: float, minutes: int
) -> None:
    assert renewal_time(EPOCH, EPOCH + HOUR, jitter) == EPOCH + timedelta(minutes=minutes)


@given(st.timedeltas(timedelta(seconds=1), timedelta(days=365)), jitters)
def test_a_renewal_leaves_time_for_retries(life: timedelta, jitter: float) -> None:
    assert life * 0.44 < renewal_time(EPOCH, EPOCH + life, jitter) - EPOCH < life * 0.56


def test_waits_double_up_to_the_longest() -> None:
    backoff = Backoff(timedelta(seconds=1), timedelta(seconds=10))
    waits = [backoff.wait(failures, 0).total_seconds() for failures in (1, 2, 3, 4, 5, 1000)]
    assert waits == [1, 2, 4, 8, 10, 10]


@given(st.integers(1, 10_000), jitters)
def test_a_wait_is_within_a_tenth_of_its_place_in_the_row(failures: int, jitter: float) -> None:
    backoff = Backoff()
    plain = backoff.wait(failures, 0)
    assert abs(backoff.wait(failures, jitter) - plain) <= plain * 0.1 + timedelta(microseconds=1)


def test_the_less_is_left_the_sooner_it_is_tried_again() -> None:
    backoff = Backoff(timedelta(seconds=1), timedelta(minutes=1))
    left = timedelta(seconds=20)
    assert backoff.retry_time(EPOCH, 7, 0, EPOCH + left) == EPOCH + left / 2
    assert backoff.retry_time(EPOCH, 7, 0, None) == EPOCH + timedelta(minutes=1)


@given(st.integers(1, 100), jitters, st.timedeltas(timedelta(0), HOUR))
def test_a_retry_is_never_past_the_end_and_never_at_once(
    failures: int, jitter: float, left: timedelta
) -> None:
    backoff, ends = Backoff(), EPOCH + left
    retry = backoff.retry_time(EPOCH, failures, jitter, ends)
    assert retry > EPOCH
    assert retry <= ends or ends <= EPOCH


def test_what_has_ended_is_tried_again_as_if_there_were_no_end() -> None:
    backoff = Backoff(timedelta(seconds=1), timedelta(minutes=1))
    assert backoff.retry_time(EPOCH, 3, 0, EPOCH) == EPOCH + timedelta(seconds=4)
