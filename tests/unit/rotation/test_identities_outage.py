"""While nobody signs, or not in time."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from support.clock import MINUTE, SECOND
from support.entries import entry
from support.fake_workload import FakeWorkload
from support.follower import Follower
from support.identities import ANA, A, Bench
from support.running import quiet, running


async def test_in_an_outage_the_old_svid_stays_until_it_ends_and_is_then_withdrawn() -> None:
    bench = Bench(A)
    async with bench.following(FakeWorkload(ANA)) as (ana,):
        bench.authority.down = True
        for _ in range(60):
            await bench.pass_time(MINUTE)
        assert (len(ana.seen), ana.paths) == (1, ["/a"])
        await bench.pass_time(SECOND)
        assert (ana.paths, ana.last.pending) == ([], (A,))
        bench.authority.down = False
        await bench.pass_time(2 * MINUTE)
        assert (ana.paths, ana.last.pending) == (["/a"], ())


async def test_an_outage_of_signing_does_not_keep_a_new_bundle_from_anybody() -> None:
    bench = Bench(A)
    async with bench.following(FakeWorkload(ANA)) as (ana,):
        bench.authority.down = True
        bench.authority.rotate()
        await quiet()
        assert len(ana.last.bundle.x509_authorities) == 2
        assert ana.serials == [ana.seen[0].identities[0].svid.serial]


async def test_a_first_caller_in_an_outage_sees_its_entry_pending_and_then_its_svid() -> None:
    bench = Bench(A)
    bench.authority.down = True
    async with bench.following(FakeWorkload(ANA)) as (ana,):
        assert (ana.paths, ana.last.pending, ana.last.entitled) == ([], (A,), True)
        bench.authority.down = False
        await bench.pass_time(2 * SECOND)
        assert (ana.paths, ana.last.pending) == (["/a"], ())


async def test_one_entry_that_cannot_be_signed_does_not_hold_back_the_others() -> None:
    bench = Bench(A, first_svid_timeout=timedelta(milliseconds=300))
    async with bench.following(FakeWorkload(ANA)):
        second = entry("/second", ANA)
        bench.authority.open.clear()
        bench.authority.set_entries(A, second)
        snapshot = await bench.identities.snapshot(FakeWorkload(ANA))
        assert [each.entry for each in snapshot.identities] == [A]
        assert snapshot.pending == (second,)


async def test_a_signature_that_came_too_late_for_the_first_answer_still_arrives() -> None:
    bench = Bench(A, first_svid_timeout=timedelta(milliseconds=10))
    bench.authority.open.clear()
    follower = Follower(bench.identities, FakeWorkload(ANA))
    async with running(bench.identities, follower):
        async with asyncio.timeout(30):
            while not follower.seen:  # noqa: ASYNC110  the deadline is one of real time
                await asyncio.sleep(0.001)
        assert follower.last.pending == (A,)
        bench.authority.open.set()
        await quiet()
        assert follower.paths == ["/a"]
