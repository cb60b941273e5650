from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

import pytest
from support.clock import FakeClock
from support.entries import entry
from support.fake_authority import FakeAuthority
from support.running import quiet, running

from accredit.authority.entry import Entry
from accredit.rotation.renewal import Renewal
from accredit.rotation.settings import RotationSettings
from accredit.rotation.svid_cache import SvidCache

HOUR = timedelta(hours=1)
WEB = entry("/web", ttl=HOUR)


class Bench:
    """A renewal loop over a cache whose entries are all watched."""

    def __init__(self, *entries: Entry) -> None:
        self.clock = FakeClock()
        self.authority = FakeAuthority(self.clock, *entries)
        self.cache = SvidCache(
            self.authority, self.clock, RotationSettings(), lambda _: True, lambda _: None
        )
        self.authority.subscribe(self.cache.update)
        self.run = Renewal(self.clock, self.cache).run

    async def ask(self, *entries: Entry) -> None:
        await self.cache.obtain(self.cache.lacking(entries))

    def serials(self) -> set[str | None]:
        return {None if held.svid is None else held.svid.serial for held in self.cache}


async def test_what_is_due_is_renewed() -> None:
    bench = Bench(WEB)
    async with running(bench):
        await bench.ask(WEB)
        before = bench.serials()
        await quiet()
        bench.clock.advance(33 * HOUR / 60)
        await quiet()
    assert bench.serials().isdisjoint(before)


async def test_the_loop_sleeps_exactly_until_the_next_is_due() -> None:
    bench = Bench(WEB)
    async with running(bench):
        await quiet()
        assert bench.clock.waits == []
        await bench.ask(WEB)
        await quiet()
        (wait,) = bench.clock.waits
        assert bench.clock.next_wake == bench.cache.agenda.next()
    assert 26 * HOUR / 60 < wait < 34 * HOUR / 60


async def test_something_sooner_that_comes_up_is_not_slept_over() -> None:
    short = entry("/short", ttl=timedelta(seconds=20))
    bench = Bench(WEB, short)
    async with running(bench):
        await bench.ask(WEB)
        await quiet()
        await bench.ask(short)
        await quiet()
        bench.clock.advance(timedelta(seconds=12))
        await quiet()
    assert bench.authority.signed == 3


async def test_a_suspend_is_noticed_and_what_came_due_in_it_is_renewed_at_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench(WEB)
    with caplog.at_level(logging.WARNING):
        async with running(bench):
            await bench.ask(WEB)
            before = bench.serials()
            await quiet()
            bench.clock.jump(5 * HOUR)
            await quiet()
    assert bench.serials().isdisjoint(before | {None})
    (record,) = [each for each in caplog.records if "clock" in each.message]
    assert record.__dict__["seconds"] == 5 * 3600


async def test_a_clock_set_back_is_noticed_and_everything_is_planned_anew() -> None:
    bench = Bench(WEB)
    async with running(bench):
        await bench.ask(WEB)
        before = bench.serials()
        await quiet()
        bench.clock.jump(-5 * HOUR)
        await quiet()
    assert bench.serials().isdisjoint(before | {None})


async def test_many_due_at_once_leave_room_for_a_first_answer() -> None:
    entries = [entry(f"/{number}") for number in range(500)]
    new = entry("/new")
    bench = Bench(*entries, new)
    async with running(bench):
        await bench.ask(*entries)
        await quiet()
        bench.authority.rotate()
        await asyncio.sleep(0)
        signed_before, turns = bench.authority.signed, 0
        async with asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(bench.ask(new))
            while not asking.done():
                await asyncio.sleep(0)
                turns += 1
        assert bench.authority.signed - signed_before < 100
        assert turns < 5
        await quiet()
        assert bench.authority.signed == 500 + 1 + 500


async def test_an_entry_whose_signature_hangs_does_not_hold_up_the_others() -> None:
    entries = [entry(f"/{number}", ttl=HOUR) for number in range(20)]
    bench = Bench(WEB, *entries)
    async with running(bench):
        bench.authority.open.clear()
        async with asyncio.TaskGroup() as tasks:
            hanging = tasks.create_task(bench.ask(WEB))
            await quiet()
            hanging.cancel()
        await quiet()
        bench.authority.open = asyncio.Event()
        bench.authority.open.set()
        await bench.ask(*entries)
        await quiet()
        bench.clock.advance(33 * HOUR / 60)
        await quiet()
    assert bench.authority.signed == 40
