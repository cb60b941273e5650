from __future__ import annotations

import asyncio

from support.clock import HOUR, SECOND
from support.entries import entry
from support.running import quiet
from support.svid_cache import A, B, Bench


async def test_an_svid_is_issued_when_first_asked_for_and_then_kept() -> None:
    bench = Bench(A)
    assert bench.serial(A) is None
    await bench.ask(A)
    first = bench.serial(A)
    await bench.ask(A)
    assert first is not None
    assert (bench.serial(A), bench.authority.signed) == (first, 1)
    assert bench.heard == [A.entry_id]


async def test_many_who_ask_first_at_the_same_time_share_one_issue() -> None:
    bench = Bench(A)
    bench.authority.open.clear()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(20):
            tasks.create_task(bench.ask(A))
        await quiet()
        bench.authority.open.set()
    assert bench.authority.signed == 1


async def test_when_the_one_who_asked_first_goes_the_others_still_get_it() -> None:
    bench = Bench(A)
    bench.authority.open.clear()
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(bench.ask(A))
        await quiet()
        tasks.create_task(bench.ask(A))
        await quiet()
        first.cancel()
        await quiet()
        bench.authority.open.set()
    assert bench.serial(A) is not None


async def test_what_nobody_waits_for_any_more_is_left_to_the_renewal() -> None:
    bench = Bench(A, B)
    bench.authority.open.clear()
    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(bench.ask(A, B))
        asking.cancel()
        await quiet()
        asking = tasks.create_task(bench.ask(A, B))
        await quiet()
        asking.cancel()
    bench.authority.open.set()
    await bench.work_off()
    assert None not in {bench.serial(A), bench.serial(B)}


async def test_not_even_those_whose_turn_had_not_come() -> None:
    entries = [entry(f"/{number}") for number in range(60)]
    bench = Bench(*entries)
    bench.authority.open.clear()
    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(bench.ask(*entries))
        await quiet()
        asking.cancel()
    bench.authority.open.set()
    await bench.work_off()
    assert None not in {bench.serial(each) for each in entries}


async def test_an_svid_that_ends_while_nobody_looked_is_not_handed_out() -> None:
    bench = Bench(A)
    await bench.ask(A)
    bench.clock.advance(HOUR + SECOND)
    assert bench.serial(A) is None
