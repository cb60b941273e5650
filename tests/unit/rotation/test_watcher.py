from __future__ import annotations

import asyncio

from support.running import quiet

from accredit.rotation.watcher import Waker, Watcher


async def test_a_wait_lasts_until_it_is_woken() -> None:
    watcher = Watcher()
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(watcher.wait())
        await quiet()
        assert not waiting.done()
        watcher.wake()


async def test_wakes_that_come_early_end_the_next_wait_and_only_that() -> None:
    watcher = Watcher()
    watcher.wake()
    watcher.wake()
    await watcher.wait()
    async with asyncio.TaskGroup() as tasks:
        second = tasks.create_task(watcher.wait())
        await quiet()
        assert not second.done()
        second.cancel()


async def test_a_wait_that_was_given_up_can_be_begun_again() -> None:
    watcher = Watcher()
    async with asyncio.TaskGroup() as tasks:
        given_up = tasks.create_task(watcher.wait())
        await quiet()
        given_up.cancel()
    watcher.wake()
    await watcher.wait()


async def test_a_few_are_woken_at_once() -> None:
    watchers = [Watcher() for _ in range(10)]
    Waker().wake(watchers)
    assert all(watcher._changed for watcher in watchers)


async def test_many_are_woken_in_slices_between_which_others_run() -> None:
    watchers = [Watcher() for _ in range(1000)]
    Waker().wake(watchers)
    woken = [sum(watcher._changed for watcher in watchers)]
    while woken[-1] < 1000:
        await asyncio.sleep(0)
        woken.append(sum(watcher._changed for watcher in watchers))
    steps = [after - before for before, after in zip([0, *woken], woken, strict=False)]
    assert max(steps) <= 50
    assert len(steps) <= 22


async def test_more_can_be_added_while_many_are_being_woken() -> None:
    waker, watchers = Waker(), [Watcher() for _ in range(300)]
    waker.wake(watchers[:200])
    waker.wake(watchers[200:])
    await quiet()
    assert all(watcher._changed for watcher in watchers)
