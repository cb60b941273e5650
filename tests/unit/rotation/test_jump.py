from __future__ import annotations

from datetime import timedelta

import pytest
from support.clock import FakeClock

from accredit.rotation.jump import JumpDetector

NO_JUMP = timedelta()


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_that_is_set_is_noticed_once(hours: int) -> None:
    clock = FakeClock()
    detector = JumpDetector(clock)
    clock.jump(timedelta(hours=hours))
    clock.advance(timedelta(minutes=5))
    assert detector.look() == timedelta(hours=hours)
    assert detector.look() == NO_JUMP


def test_passing_time_is_no_jump() -> None:
    clock = FakeClock()
    detector = JumpDetector(clock)
    clock.advance(timedelta(days=30))
    assert detector.look() == NO_JUMP


def test_slewing_is_no_jump_however_often_it_happens() -> None:
    clock = FakeClock()
    detector = JumpDetector(clock)
    for _ in range(100):
        clock.jump(timedelta(seconds=1))
        assert detector.look() == NO_JUMP
