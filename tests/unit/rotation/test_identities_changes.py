"""What a change of entries, evidence or bundles brings to whom it concerns."""

from __future__ import annotations

import asyncio

import pytest
from support.clock import HOUR
from support.entries import entry
from support.fake_workload import FakeWorkload
from support.identities import ANA, BOB, A, B, Bench, is_sound
from support.running import quiet
from support.signer import Signer

from accredit.identity.spiffe_id import TrustDomain
from accredit.identity.trust_bundle import TrustBundle


@pytest.mark.rows("XS-02")
async def test_an_entry_that_is_added_reaches_those_it_matches_in_one_new_state() -> None:
    bench = Bench(A, B)
    async with bench.following(FakeWorkload(ANA), FakeWorkload(BOB)) as (ana, bob):
        bench.authority.set_entries(A, B, entry("/new", ANA))
        await quiet()
        assert (ana.paths, len(ana.seen)) == (["/a", "/new"], 2)
        assert len(bob.seen) == 1


async def test_a_caller_without_entries_waits_for_its_first() -> None:
    bench = Bench()
    async with bench.following(FakeWorkload(ANA)) as (ana,):
        assert not ana.last.entitled
        assert set(ana.last.bundles) == {bench.authority.trust_domain}
        bench.authority.set_entries(A)
        await quiet()
        assert ana.paths == ["/a"]


async def test_an_entry_that_is_removed_is_gone_from_the_new_state() -> None:
    second = entry("/second", ANA)
    bench = Bench(A, second)
    async with bench.following(FakeWorkload(ANA)) as (ana,):
        bench.authority.set_entries(second)
        await quiet()
        assert ana.paths == ["/second"]
        bench.authority.set_entries()
        await quiet()
        assert not ana.last.entitled


async def test_what_a_caller_had_kept_svids_when_entries_change() -> None:
    bench = Bench(A)
    async with bench.following(FakeWorkload(ANA)) as (ana,):
        before = ana.serials
        bench.authority.set_entries(A, entry("/new", ANA))
        await quiet()
        assert ana.serials[:1] == before


async def test_a_new_hint_reaches_its_watchers_with_the_same_svid() -> None:
    bench = Bench(A)
    async with bench.following(FakeWorkload(ANA)) as (ana,):
        before = ana.serials
        bench.authority.set_entries(entry("/a", ANA, ttl=HOUR, hint="internal"))
        await quiet()
        assert ana.last.identities[0].hint == "internal"
        assert ana.serials == before


async def test_a_new_dns_name_reaches_its_watchers_in_one_step_with_the_svid_that_has_it() -> None:
    bench = Bench(A)
    async with bench.following(FakeWorkload(ANA)) as (ana,):
        before = ana.serials
        bench.authority.set_entries(entry("/a", ANA, ttl=HOUR, dns_names=("a.example",)))
        await quiet()
        assert ana.serials != before
        assert len(ana.seen) == 2


async def test_a_caller_that_becomes_another_gets_what_that_one_is_entitled_to() -> None:
    bench, workload = Bench(A, B), FakeWorkload(ANA)
    async with bench.following(workload) as (follower,):
        workload.become(BOB)
        await quiet()
        assert follower.paths == ["/b"]
        workload.become(ANA, BOB)
        await quiet()
        assert follower.paths == ["/a", "/b"]


async def test_a_caller_that_became_another_no_longer_hears_of_what_it_was() -> None:
    bench, workload = Bench(A, B), FakeWorkload(ANA)
    async with bench.following(workload) as (follower,):
        workload.become(BOB)
        await quiet()
        seen = len(follower.seen)
        bench.authority.set_entries(entry("/a", ANA, hint="new"), B)
        await quiet()
        assert len(follower.seen) == seen


@pytest.mark.rows("XS-19")
async def test_a_new_root_brings_one_new_state_with_the_new_bundle_and_svids_of_it() -> None:
    bench = Bench(A)
    async with bench.following(FakeWorkload(ANA)) as (ana,):
        bench.authority.rotate()
        await quiet()
        assert ana.last.bundle == bench.authority.bundles[bench.authority.trust_domain]
        assert ana.last.identities[0].svid.leaf.issuer == bench.authority.signer.root.subject
        assert len(ana.seen) == 2
        assert is_sound(ana.last, bench)


async def test_a_partners_bundle_reaches_only_those_who_federate_with_it() -> None:
    partner = TrustDomain("partner.example")
    open_to_it = entry("/open", ANA, federates_with=("partner.example",))
    bench = Bench(open_to_it, B)
    async with bench.following(FakeWorkload(ANA), FakeWorkload(BOB)) as (ana, bob):
        bench.authority.set_bundle(TrustBundle(partner, (Signer(partner, bench.clock.now()).root,)))
        await quiet()
        assert set(ana.last.federated) == {partner}
        assert (len(ana.seen), len(bob.seen)) == (2, 1)


async def test_an_unchanged_bundle_that_is_set_again_brings_nothing() -> None:
    bench = Bench(A)
    async with bench.following(FakeWorkload(ANA)) as (ana,):
        bench.authority.set_bundle(bench.authority.bundles[bench.authority.trust_domain])
        await quiet()
        assert len(ana.seen) == 1


async def test_an_entry_removed_while_it_is_waited_for_is_not_in_the_answer() -> None:
    bench = Bench(A)
    bench.authority.open.clear()
    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(bench.identities.snapshot(FakeWorkload(ANA)))
        await quiet()
        bench.authority.set_entries()
        bench.authority.open.set()
    assert not asking.result().entitled
