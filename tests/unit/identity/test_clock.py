"""The clock that tests bring keeps the promises of the protocol."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from support.clock import EPOCH, FakeClock

from accredit.identity.clock import Clock

_MINUTE = timedelta(minutes=1)


async def _sleep(clock: Clock, minutes: int, woken: list[int]) -> None:
    await clock.sleep_until(EPOCH + minutes * _MINUTE)
    woken.append(minutes)


async def test_time_that_passes_wakes_those_whose_time_has_come() -> None:
    clock = FakeClock()
    woken: list[int] = []
    async with asyncio.TaskGroup() as tasks:
        for minutes in (3, 1, 2):
            tasks.create_task(_sleep(clock, minutes, woken))
        await clock.settle(3)
        assert clock.next_wake == EPOCH + _MINUTE
        clock.advance(2 * _MINUTE)
        await clock.settle(1)
        assert sorted(woken) == [1, 2]
        clock.advance(_MINUTE)
    assert clock.now() == EPOCH + 3 * _MINUTE
    assert clock.monotonic() == 1000.0 + 180


@pytest.mark.parametrize("delta", [_MINUTE, -_MINUTE])
async def test_a_wall_clock_that_is_set_wakes_everyone_and_no_time_passes(
    delta: timedelta,
) -> None:
    clock = FakeClock()
    woken: list[int] = []
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_sleep(clock, 5, woken))
        await clock.settle()
        clock.jump(delta)
    assert woken == [5]
    assert clock.now() == EPOCH + delta
    assert clock.monotonic() == 1000.0


async def test_a_time_that_has_come_is_not_waited_for_but_others_run() -> None:
    clock = FakeClock()
    await clock.sleep_until(EPOCH)
    assert clock.waits == [timedelta()]
    assert clock.next_wake is None


async def test_a_cancelled_sleeper_is_forgotten() -> None:
    clock = FakeClock()
    async with asyncio.TaskGroup() as tasks:
        sleeper = tasks.create_task(_sleep(clock, 1, []))
        await clock.settle()
        sleeper.cancel()
        clock.advance(_MINUTE)
    assert clock.next_wake is None


async def test_a_clock_that_jumps_needs_nobody_to_move_it() -> None:
    clock = FakeClock(jumps=True)
    await clock.sleep_until(EPOCH + _MINUTE)
    assert clock.now() == EPOCH + _MINUTE
    assert clock.waits == [_MINUTE]


async def test_waiting_for_sleepers_that_never_come_fails() -> None:
    with pytest.raises(AssertionError, match="only 0 of 1 came to sleep"):
        await FakeClock().settle(turns=1010)
