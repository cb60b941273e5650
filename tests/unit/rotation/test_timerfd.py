from __future__ import annotations

import select
from datetime import UTC, datetime, timedelta

import pytest

from accredit.rotation.timerfd import TimerFd


@pytest.fixture
def timer() -> object:
    timer = TimerFd()
    yield timer
    timer.close()


def fires_within(timer: TimerFd, seconds: float) -> bool:
    return bool(select.select([timer], [], [], seconds)[0])


def test_it_fires_at_its_time_and_not_before(timer: TimerFd) -> None:
    when = datetime.now(UTC) + timedelta(milliseconds=30)
    assert timer.arm(when)
    assert not fires_within(timer, 0) or datetime.now(UTC) >= when
    assert fires_within(timer, 60)
    assert datetime.now(UTC) >= when
    assert timer.read()


@pytest.mark.parametrize("past", [datetime(1970, 1, 1, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)])
def test_a_time_long_past_fires_at_once(timer: TimerFd, past: datetime) -> None:
    assert timer.arm(past)
    assert fires_within(timer, 60)


def test_the_end_of_time_can_be_waited_for(timer: TimerFd) -> None:
    assert timer.arm(datetime.max.replace(tzinfo=UTC))
    assert not fires_within(timer, 0.01)


def test_arming_again_takes_the_place_of_the_time_before(timer: TimerFd) -> None:
    assert timer.arm(datetime.now(UTC) - timedelta(seconds=1))
    assert timer.arm(datetime.now(UTC) + timedelta(hours=1))
    assert not fires_within(timer, 0.01)


def test_reading_before_its_time_tells_of_nothing(timer: TimerFd) -> None:
    assert timer.arm(datetime.now(UTC) + timedelta(hours=1))
    assert timer.read()


def test_a_descriptor_that_is_no_timer_is_an_error() -> None:
    timer = TimerFd()
    timer.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        timer.arm(datetime.now(UTC))
    with pytest.raises(OSError, match="Bad file descriptor"):
        timer.read()
