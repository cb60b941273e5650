from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from support.fake_timer import FakeTimer
from support.running import quiet

from accredit.rotation.clock import SystemClock

HOUR = timedelta(hours=1)


@pytest.fixture
def clock() -> Iterator[SystemClock]:
    clock = SystemClock()
    yield clock
    clock.close()


@pytest.fixture
def timer() -> Iterator[FakeTimer]:
    timer = FakeTimer()
    yield timer
    timer.close()


async def test_it_sleeps_until_the_wall_clock_shows_the_time(clock: SystemClock) -> None:
    when = clock.now() + timedelta(milliseconds=20)
    await clock.sleep_until(when)
    assert when <= clock.now() < when + timedelta(seconds=10)


async def test_a_time_that_has_passed_is_no_sleep(clock: SystemClock) -> None:
    async with asyncio.timeout(30):
        await clock.sleep_until(clock.now() - HOUR)


def test_its_times_are_aware_and_its_monotonic_seconds_grow(clock: SystemClock) -> None:
    assert clock.now().tzinfo is UTC
    assert clock.monotonic() <= clock.monotonic()


async def test_sleepers_wake_in_the_order_of_their_times(clock: SystemClock) -> None:
    start, woken = clock.now(), []

    async def sleep(milliseconds: int) -> None:
        await clock.sleep_until(start + timedelta(milliseconds=milliseconds))
        woken.append(milliseconds)

    async with asyncio.TaskGroup() as tasks:
        for milliseconds in (60, 20, 40):
            tasks.create_task(sleep(milliseconds))
    assert woken == [20, 40, 60]


async def test_setting_the_clock_wakes_everybody(timer: FakeTimer) -> None:
    clock = SystemClock(timer)
    async with asyncio.TaskGroup() as tasks:
        for hours in range(1, 4):
            tasks.create_task(clock.sleep_until(clock.now() + hours * HOUR))
        await quiet()
        timer.set_clock()


async def test_a_clock_set_while_the_timer_is_armed_wakes_everybody(timer: FakeTimer) -> None:
    clock = SystemClock(timer)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(clock.sleep_until(clock.now() + HOUR))
        await quiet()
        timer.missed = True
        tasks.create_task(clock.sleep_until(clock.now() + 2 * HOUR))


async def test_a_timer_that_fires_early_wakes_nobody(timer: FakeTimer) -> None:
    clock = SystemClock(timer)
    async with asyncio.TaskGroup() as tasks:
        sleeping = tasks.create_task(clock.sleep_until(clock.now() + HOUR))
        await quiet()
        timer.fire()
        await quiet()
        assert not sleeping.done()
        sleeping.cancel()


async def test_the_timer_is_armed_for_the_soonest_sleeper(timer: FakeTimer) -> None:
    clock, start = SystemClock(timer), datetime.now(UTC)
    async with asyncio.TaskGroup() as tasks:
        sleeping = {
            hours: tasks.create_task(clock.sleep_until(start + hours * HOUR)) for hours in (2, 1, 3)
        }
        await quiet()
        assert timer.armed[-1] == start + HOUR
        sleeping[1].cancel()
        await quiet()
        assert timer.armed[-1] == start + 2 * HOUR
        sleeping[2].cancel()
        sleeping[3].cancel()


async def test_nothing_is_watched_while_nobody_sleeps(timer: FakeTimer) -> None:
    clock, loop = SystemClock(timer), asyncio.get_running_loop()
    async with asyncio.TaskGroup() as tasks:
        sleeping = tasks.create_task(clock.sleep_until(clock.now() + HOUR))
        await quiet()
        sleeping.cancel()
    assert not loop.remove_reader(timer.fileno())


def test_one_clock_serves_one_event_loop_after_the_other(clock: SystemClock) -> None:
    for _ in range(2):
        asyncio.run(clock.sleep_until(clock.now() + timedelta(milliseconds=5)))
