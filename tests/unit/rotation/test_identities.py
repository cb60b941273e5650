from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

import pytest
from support.clock import HOUR, MINUTE, SECOND
from support.entries import entry, selectors, template
from support.fake_workload import FakeWorkload
from support.identities import ANA, BOB, HALF, A, Bench, is_sound
from support.running import quiet, running

from accredit.identity.errors import AttestationError
from accredit.identity.keys import key_id


async def test_a_watcher_gets_the_state_at_once() -> None:
    bench = Bench(A)
    async with bench.following(FakeWorkload(ANA)) as (ana,):
        assert ana.paths == ["/a"]
        assert len(ana.seen) == 1
        assert is_sound(ana.last, bench)


async def test_without_a_change_nothing_more_comes() -> None:
    bench = Bench(A)
    async with bench.following(FakeWorkload(ANA)) as (ana,):
        await bench.pass_time(10 * MINUTE)
        assert len(ana.seen) == 1


@pytest.mark.rows("WC-09", "XS-15", "XS-19")
async def test_when_one_of_several_svids_is_renewed_all_are_in_the_new_state() -> None:
    long = entry("/long", ANA, ttl=timedelta(days=10))
    bench = Bench(A, long)
    async with bench.following(FakeWorkload(ANA)) as (ana,):
        before = ana.last
        await bench.pass_time(HALF)
        renewed, kept = ana.last.identities
        assert (renewed.entry, kept.entry) == (A, long)
        assert renewed.svid is not before.identities[0].svid
        assert kept.svid is before.identities[1].svid
        assert len(ana.seen) == 2


@pytest.mark.rows("XS-09")
async def test_every_renewal_has_a_key_of_its_own_and_it_fits() -> None:
    bench = Bench(A)
    async with bench.following(FakeWorkload(ANA)) as (ana,):
        for _ in range(4):
            await bench.pass_time(HALF)
        assert all(is_sound(snapshot, bench) for snapshot in ana.seen[-1:])
        keys = {key_id(each.identities[0].svid.key.public_key()) for each in ana.seen}
        assert len(keys) == len(ana.seen) == 5


@pytest.mark.rows("WC-21")
async def test_the_order_is_the_same_after_every_renewal() -> None:
    entries = [entry(f"/{name}", ANA, default=name == "c") for name in "badc"]
    bench = Bench(*entries)
    async with bench.following(FakeWorkload(ANA)) as (ana,):
        for _ in range(3):
            assert ana.paths == ["/c", "/b", "/a", "/d"]
            await bench.pass_time(HALF)


async def test_callers_with_the_same_entries_hold_the_same_snapshot() -> None:
    bench = Bench(A)
    workloads = [FakeWorkload(ANA, f"unix:gid:{number}") for number in range(5)]
    async with bench.following(*workloads) as followers:
        await bench.pass_time(HALF)
        assert len({id(follower.last) for follower in followers}) == 1
        assert bench.authority.signed == 2


async def test_a_suspend_leaves_nobody_with_an_expired_svid() -> None:
    bench = Bench(A)
    async with bench.following(FakeWorkload(ANA)) as (ana,):
        bench.clock.jump(5 * HOUR)
        await quiet()
        assert ana.paths == ["/a"]
        assert is_sound(ana.last, bench)


@pytest.mark.rows("WC-19")
async def test_a_caller_that_died_gets_nothing_more() -> None:
    bench, workload = Bench(A), FakeWorkload(ANA)
    async with bench.following(workload) as (follower,):
        workload.caller.alive = False
        await bench.pass_time(HALF)
        assert len(follower.seen) == 1
        assert isinstance(follower.error, AttestationError)
        assert "has exited" in str(follower.error)


async def test_a_slow_consumer_skips_states_and_gets_the_newest() -> None:
    bench = Bench(A)
    async with running(bench.identities):
        stream = bench.identities.watch(FakeWorkload(ANA))
        await anext(stream)
        for hint in ("one", "two", "three"):
            bench.authority.set_entries(entry("/a", ANA, ttl=HOUR, hint=hint))
            await quiet()
        assert (await anext(stream)).identities[0].hint == "three"
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(anext(stream))
            await quiet()
            assert not waiting.done()
            waiting.cancel()


async def test_a_stream_that_is_closed_leaves_nothing_behind() -> None:
    bench, workload = Bench(A), FakeWorkload(ANA)
    stream = bench.identities.watch(workload)
    await anext(stream)
    assert (bench.identities.describe().watchers, len(workload.subscribers)) == (1, 1)
    await stream.aclose()
    assert (bench.identities.describe().watchers, len(workload.subscribers)) == (0, 0)


async def test_a_snapshot_can_be_had_before_renewal_runs() -> None:
    bench = Bench(A)
    snapshot = await bench.identities.snapshot(FakeWorkload(ANA))
    assert [each.entry for each in snapshot.identities] == [A]


async def test_an_expired_svid_is_not_in_a_snapshot_even_if_renewal_does_not_run() -> None:
    bench = Bench(A)
    first = await bench.identities.snapshot(FakeWorkload(ANA))
    bench.authority.down = True
    bench.clock.advance(HOUR + SECOND)
    second = await bench.identities.snapshot(FakeWorkload(ANA))
    assert (len(first.identities), second.identities, second.pending) == (1, (), (A,))


async def test_two_thousand_watchers_are_all_told_and_a_newcomer_does_not_wait_for_them() -> None:
    mine = [entry(f"/{number}", f"unix:uid:{number}") for number in range(100)]
    bench = Bench(*mine, entry("/new", "unix:uid:new"))
    workloads = [FakeWorkload(f"unix:uid:{number % 100}") for number in range(2000)]
    async with bench.following(*workloads) as followers:
        await quiet()
        bench.authority.rotate()
        turns = 0
        async with asyncio.TaskGroup() as tasks:
            coming = tasks.create_task(bench.identities.snapshot(FakeWorkload("unix:uid:new")))
            while not coming.done():
                await asyncio.sleep(0)
                turns += 1
        assert turns < 5
        assert sum(len(follower.seen) > 1 for follower in followers) < 500
        await quiet()
        assert {len(follower.seen) for follower in followers} == {2}
        assert bench.authority.signed == 100 + 1 + 100


async def test_a_lost_hint_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    old, new = entry("/old", ANA, hint="internal"), entry("/new", ANA, hint="internal")
    bench = Bench(old, new)
    with caplog.at_level(logging.WARNING):
        async with bench.following(FakeWorkload(ANA), FakeWorkload(ANA, BOB)) as (ana, _):
            await bench.pass_time(HALF)
            assert [each.hint for each in ana.last.identities] == ["internal", ""]
    (record,) = caplog.records
    facts = {key: record.__dict__[key] for key in ("hint", "entry_id", "kept_by")}
    assert facts == {"hint": "internal", "entry_id": new.entry_id, "kept_by": old.entry_id}


async def test_a_preview_tells_what_a_caller_would_get_and_signs_nothing() -> None:
    bench = Bench(A, template("/u/{unix:uid}"))
    entitlement, snapshot = bench.identities.preview(selectors(ANA))
    assert [each.path for each in entitlement.entries] == ["/a", "/u/1"]
    assert [each.path for each in snapshot.pending] == ["/a", "/u/1"]
    assert bench.authority.signed == 0
    assert bench.identities.describe().entries == ()
    await bench.identities.snapshot(FakeWorkload(ANA))
    _, snapshot = bench.identities.preview(selectors(ANA))
    assert [each.spiffe_id.path for each in snapshot.identities] == ["/a", "/u/1"]
    assert is_sound(snapshot, bench)
