"""Instances of templates are as any entry."""

from __future__ import annotations

import logging

import pytest
from support.entries import entry, template
from support.fake_workload import FakeWorkload
from support.identities import ANA, BOB, HALF, B, Bench, is_sound
from support.running import quiet


async def test_callers_with_the_same_values_share_one_instance_and_its_snapshot() -> None:
    bench = Bench(template("/u/{unix:uid}"))
    one, two = FakeWorkload(ANA, "unix:gid:1"), FakeWorkload(ANA, "unix:gid:2")
    async with bench.following(one, two, FakeWorkload(BOB)) as (ana, other, bob):
        assert (ana.paths, bob.paths) == (["/u/1"], ["/u/2"])
        assert ana.last is other.last
        assert is_sound(ana.last, bench)
        assert bench.authority.signed == 2


async def test_instances_are_renewed_as_any_svid() -> None:
    bench = Bench(template("/u/{unix:uid}"))
    async with bench.following(FakeWorkload(ANA)) as (ana,):
        first = ana.last.identities[0].svid
        await bench.pass_time(HALF)
        assert ana.last.identities[0].svid is not first
        assert ana.paths == ["/u/1"]


async def test_a_template_that_goes_takes_its_instances_along() -> None:
    bench = Bench(template("/u/{unix:uid}"))
    async with bench.following(FakeWorkload(ANA)) as (ana,):
        bench.authority.set_entries(B)
        await quiet()
        assert not ana.last.entitled


async def test_an_entry_takes_its_id_away_from_a_template() -> None:
    users = template("/u/{unix:uid}")
    bench = Bench(users)
    async with bench.following(FakeWorkload(ANA), FakeWorkload(BOB)) as (ana, bob):
        bench.authority.set_entries(users, entry("/u/1", BOB))
        await quiet()
        assert not ana.last.entitled
        assert bob.paths == ["/u/2", "/u/1"]


async def test_tokens_of_instances_are_their_own() -> None:
    bench = Bench(template("/u/{unix:uid}"))
    for selector, path in ((ANA, "/u/1"), (BOB, "/u/2")):
        (found,) = await bench.identities.jwt_svids(FakeWorkload(selector), ["db"], None)
        assert found.svid.spiffe_id.path == path


async def test_followed_tokens_are_there_for_instances() -> None:
    bench = Bench(template("/u/{unix:uid}"))
    async with bench.following(FakeWorkload(ANA)) as (ana,):
        tokens = bench.identities.follow_tokens()
        entry_of_ana = ana.last.identities[0].entry
        assert isinstance(tokens.look_up(entry_of_ana, "db"), str)
        await tokens.obtain()
        found = tokens.look_up(entry_of_ana, "db")
        assert not isinstance(found, str)
        assert found.svid.spiffe_id.path == "/u/1"
        tokens.close()


async def test_a_dispute_over_a_hint_is_logged_once_for_a_template(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench(template("/u/{unix:uid}", hint="x"), template("/v/{unix:uid}", hint="x"))
    with caplog.at_level(logging.WARNING):
        for uid in range(3):
            await bench.identities.snapshot(FakeWorkload(f"unix:uid:{uid}"))
    assert len([each for each in caplog.records if "share a hint" in each.message]) == 1
