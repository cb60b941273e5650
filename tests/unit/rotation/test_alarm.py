from __future__ import annotations

import asyncio
from datetime import timedelta

from support.clock import FakeClock
from support.running import quiet

from accredit.rotation.alarm import Alarm

SECOND = timedelta(seconds=1)


async def test_it_wakes_at_its_time() -> None:
    clock = FakeClock()
    alarm = Alarm(clock)
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(alarm.wait(clock.now() + SECOND))
        await clock.settle()
        assert not waiting.done()
        clock.advance(SECOND)


async def test_something_sooner_wakes_it() -> None:
    clock = FakeClock()
    alarm = Alarm(clock)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(alarm.wait(clock.now() + 2 * SECOND))
        await clock.settle()
        alarm.bring_forward(clock.now() + SECOND)


async def test_something_later_does_not() -> None:
    clock = FakeClock()
    alarm = Alarm(clock)
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(alarm.wait(clock.now() + SECOND))
        await clock.settle()
        alarm.bring_forward(clock.now() + 2 * SECOND)
        await quiet()
        assert not waiting.done()
        waiting.cancel()


async def test_without_a_time_anything_wakes_it_and_no_clock_is_asked() -> None:
    clock = FakeClock()
    alarm = Alarm(clock)
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(alarm.wait(None))
        await quiet()
        assert not waiting.done()
        alarm.bring_forward(clock.now() + timedelta(days=1))
    assert clock.waits == []


async def test_nobody_asleep_nobody_woken() -> None:
    clock = FakeClock()
    alarm = Alarm(clock)
    alarm.bring_forward(clock.now())
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(alarm.wait(clock.now() + SECOND))
        await clock.settle()
        assert not waiting.done()
        waiting.cancel()
