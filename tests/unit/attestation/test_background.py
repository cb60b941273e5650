from __future__ import annotations

import asyncio
import threading

import pytest
from support import threads
from support.running import quiet

from accredit.attestation.background import Background
from accredit.identity.errors import UnavailableError

ALICE, BOB, CAROL = 1, 2, 3


@pytest.fixture
def gate() -> threading.Event:
    return threading.Event()


async def test_the_answer_comes_from_another_thread() -> None:
    assert await Background[int]("test", 1).run(ALICE, threading.get_ident) != threading.get_ident()


async def test_an_error_is_raised_where_it_is_awaited() -> None:
    def fail() -> None:
        raise OSError("no such luck")

    background = Background[None]("test", 1)
    with pytest.raises(OSError, match="no such luck"):
        await background.run(ALICE, fail)
    await background.run(ALICE, lambda: None)


async def test_an_owner_has_one_call_at_a_time(gate: threading.Event) -> None:
    background = Background[bool]("test", 4)
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(background.run(ALICE, gate.wait))
        second = tasks.create_task(background.run(ALICE, lambda: True))
        await background.run(BOB, lambda: True)
        await quiet()
        assert not second.done()
        gate.set()
    assert first.result()
    assert second.result()


async def test_no_more_than_so_many_calls_run_at_a_time(gate: threading.Event) -> None:
    background = Background[bool]("test", 2)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(background.run(ALICE, gate.wait))
        tasks.create_task(background.run(BOB, gate.wait))
        third = tasks.create_task(background.run(CAROL, lambda: True))
        await quiet()
        assert not third.done()
        gate.set()


async def test_a_call_nobody_waits_for_any_more_keeps_its_turn(gate: threading.Event) -> None:
    background = Background[bool]("test", 1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await background.run(ALICE, gate.wait)
    async with asyncio.TaskGroup() as tasks:
        second = tasks.create_task(background.run(ALICE, lambda: True))
        await quiet()
        assert not second.done()
        gate.set()


async def test_one_who_gives_up_waiting_leaves_the_queue(gate: threading.Event) -> None:
    background = Background[bool]("test", 1)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(background.run(ALICE, gate.wait))
        await quiet()
        for owner in (ALICE, BOB):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await background.run(owner, lambda: True)
        gate.set()
    assert await background.run(BOB, lambda: True)
    assert await background.run(ALICE, lambda: True)


async def test_threads_never_hold_up_the_exit() -> None:
    seen = await Background[bool]("test", 1).run(ALICE, lambda: threading.current_thread().daemon)
    assert seen


async def test_without_a_thread_it_is_unavailable_and_nothing_is_lost() -> None:
    background = Background[bool]("test", 1)
    with pytest.raises(UnavailableError, match="no thread for test"), threads.none_starts():
        await background.run(ALICE, lambda: True)
    assert await background.run(ALICE, lambda: True)


def test_a_loop_that_ended_meanwhile_is_told_nothing(gate: threading.Event) -> None:
    async def leave() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await Background[bool]("forgotten", 1).run(ALICE, gate.wait)

    asyncio.run(leave())
    gate.set()
    for thread in threading.enumerate():
        if thread.name == "forgotten":
            thread.join()
