from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from support.calling import calling
from support.running import quiet

from accredit.attestation.caller import KernelCaller, identify
from accredit.attestation.evidence import Evidence
from accredit.attestation.turns import InTurns, Turns
from accredit.identity.selector import Selector

ANA, BOB, EVE = 1, 2, 3


class Crowd:
    """Those who want a turn; ``began`` are those who got it, in order."""

    def __init__(self, at_once: int, tasks: asyncio.TaskGroup) -> None:
        self.turns = Turns(at_once)
        self.began: list[int] = []
        self.most = 0
        self._tasks = tasks
        self._ends: list[asyncio.Event] = []

    def comes(self, uid: int, times: int = 1) -> list[asyncio.Task[None]]:
        return [self._tasks.create_task(self._turn(uid)) for _ in range(times)]

    async def _turn(self, uid: int) -> None:
        async with self.turns.of(uid):
            self.began.append(uid)
            self.most = max(self.most, self.turns.running)
            end = asyncio.Event()
            self._ends.append(end)
            await end.wait()

    async def ends(self, times: int = 1) -> None:
        """Let the oldest end."""
        for _ in range(times):
            self._ends.pop(0).set()
            await quiet()


@asynccontextmanager
async def crowd(at_once: int) -> AsyncIterator[Crowd]:
    async with asyncio.TaskGroup() as tasks:
        made = Crowd(at_once, tasks)
        yield made
        while made.turns.running:
            await made.ends()
        assert (made.turns.running, made.turns.waiting) == (0, 0)


async def test_no_more_than_so_many_run_at_a_time() -> None:
    async with crowd(4) as those:
        for uid in range(100):
            those.comes(uid)
        await quiet()
        assert (those.turns.running, those.turns.waiting) == (4, 96)
        await those.ends(96)
    assert (those.most, len(those.began)) == (4, 100)


async def test_one_user_has_no_more_than_a_quarter() -> None:
    async with crowd(8) as those:
        those.comes(ANA, 100)
        await quiet()
        assert those.turns.running == 2
        those.comes(BOB)
        await quiet()
        assert those.began == [ANA, ANA, BOB]


async def test_users_take_turns_however_many_each_has_waiting() -> None:
    async with crowd(1) as those:
        those.comes(ANA, 100)
        await quiet()
        those.comes(BOB, 2)
        those.comes(EVE)
        await quiet()
        await those.ends(5)
        assert those.began[:6] == [ANA, ANA, BOB, EVE, ANA, BOB]


async def test_who_comes_later_does_not_overtake_its_own_user() -> None:
    async with crowd(1) as those:
        first, second = *those.comes(ANA), *those.comes(ANA)
        await quiet()
        await those.ends()
        third = those.comes(ANA)[0]
        await quiet()
        await those.ends()
        assert (first.done(), second.done(), third.done()) == (True, True, False)


async def test_who_gives_up_waiting_leaves_nothing_behind() -> None:
    async with crowd(1) as those:
        those.comes(ANA)
        impatient = those.comes(BOB, 3)
        await quiet()
        for task in impatient:
            task.cancel()
        await quiet()
        assert those.turns.waiting == 0


async def test_who_gives_up_as_its_turn_comes_passes_it_on() -> None:
    async with crowd(1) as those:
        async with those.turns.of(ANA):
            (impatient,) = those.comes(BOB)
            those.comes(EVE)
            await quiet()
        impatient.cancel()  # it has its turn and does not know it yet
        await quiet()
        assert those.began == [EVE]


async def test_who_has_given_up_is_not_called() -> None:
    async with crowd(1) as those:
        async with those.turns.of(ANA):
            (impatient,) = those.comes(BOB)
            those.comes(EVE)
            await quiet()
            impatient.cancel()  # it does not know it yet
        await quiet()
        assert those.began == [EVE]


class Hangs:
    """Answers nobody."""

    name = "hangs"

    async def attest(self, caller: KernelCaller) -> Evidence:
        await asyncio.Event().wait()
        return await Says().attest(caller)


class Says:
    name = "says"

    async def attest(self, caller: KernelCaller) -> Evidence:
        return Evidence(frozenset({Selector(self.name, str(caller.pid))}))


async def test_a_thousand_callers_of_an_attestor_that_hangs_take_nothing_from_another() -> None:
    hangs, says = InTurns(Hangs(), 8), InTurns(Says(), 8)
    with calling() as child:
        caller = identify(child.sock)
        async with asyncio.TaskGroup() as tasks:
            stuck = [tasks.create_task(hangs.attest(caller)) for _ in range(1000)]
            found = [tasks.create_task(says.attest(caller)) for _ in range(1000)]
            await asyncio.wait(found)
            assert (hangs.turns.running, hangs.turns.waiting) == (2, 998)
            for task in stuck:
                task.cancel()
    assert len({task.result().selectors for task in found}) == 1
    assert (hangs.turns.running, hangs.turns.waiting) == (0, 0)


@pytest.mark.parametrize("at_once", [1, 2, 3])
async def test_there_is_always_room_for_one(at_once: int) -> None:
    async with crowd(at_once) as those:
        those.comes(ANA)
        await quiet()
        assert those.began == [ANA]
