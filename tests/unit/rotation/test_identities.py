from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta

import pytest
from support.clock import FakeClock
from support.entries import entry, selectors, template
from support.fake_authority import FakeAuthority
from support.fake_workload import FakeWorkload
from support.follower import Follower
from support.running import quiet, running
from support.signer import Signer

from accredit.authority.entry_template import Declared
from accredit.identity.errors import (
    AttestationError,
    AuthorityUnavailableError,
    NotEntitledError,
)
from accredit.identity.keys import key_id
from accredit.identity.spiffe_id import SpiffeId, TrustDomain
from accredit.identity.trust_bundle import TrustBundle
from accredit.identity.x509_verify import verify_x509_svid
from accredit.rotation.identities import Identities
from accredit.rotation.settings import RotationSettings
from accredit.rotation.snapshot import Snapshot

HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
HALF = 33 * MINUTE
ANA, BOB = "unix:uid:1", "unix:uid:2"
A, B = entry("/a", ANA, ttl=HOUR), entry("/b", BOB, ttl=HOUR)


class Bench:
    """Identities over an authority with these entries."""

    def __init__(self, *entries: Declared, **settings: object) -> None:
        self.clock = FakeClock()
        self.authority = FakeAuthority(self.clock, *entries)
        made = RotationSettings(**settings)  # type: ignore[arg-type]
        self.identities = Identities(self.authority, self.clock, made)

    @asynccontextmanager
    async def following(self, *workloads: FakeWorkload) -> AsyncIterator[list[Follower]]:
        """Run the identities and a follower for each workload, up to its first snapshot."""
        followers = [Follower(self.identities, workload) for workload in workloads]
        async with running(self.identities, *followers):
            await quiet()
            yield followers

    async def pass_time(self, span: timedelta) -> None:
        self.clock.advance(span)
        await quiet()


def is_sound(snapshot: Snapshot, bench: Bench) -> bool:
    """Tell whether every SVID verifies with its own bundle now and fits its entry and key."""
    for each in snapshot.identities:
        named = verify_x509_svid(each.svid.chain, snapshot.bundles, bench.clock.now())
        assert named == each.entry.spiffe_id
        assert each.svid.key.public_key() == each.svid.leaf.public_key()
    return True


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


async def test_callers_with_the_same_entries_hold_the_same_snapshot() -> None:
    bench = Bench(A)
    workloads = [FakeWorkload(ANA, f"unix:gid:{number}") for number in range(5)]
    async with bench.following(*workloads) as followers:
        await bench.pass_time(HALF)
        assert len({id(follower.last) for follower in followers}) == 1
        assert bench.authority.signed == 2


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
    bench = Bench(A, first_svid_timeout=timedelta(milliseconds=10))
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


async def test_an_entry_removed_while_it_is_waited_for_is_not_in_the_answer() -> None:
    bench = Bench(A)
    bench.authority.open.clear()
    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(bench.identities.snapshot(FakeWorkload(ANA)))
        await quiet()
        bench.authority.set_entries()
        bench.authority.open.set()
    assert not asking.result().entitled


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


@pytest.mark.rows("JS-03", "JS-14")
async def test_without_an_id_there_is_a_token_for_each_identity() -> None:
    second = entry("/second", ANA, default=True)
    bench = Bench(A, second, B)
    found = await bench.identities.jwt_svids(FakeWorkload(ANA), ["aud"], None)
    assert [each.svid.spiffe_id for each in found] == [second.spiffe_id, A.spiffe_id]
    assert [each.entry for each in found] == [second, A]


@pytest.mark.rows("JS-04")
async def test_with_an_id_there_is_one_token_for_it() -> None:
    twice = entry("/a", ANA, "unix:gid:7")
    bench = Bench(A, twice, B)
    workload = FakeWorkload(ANA, "unix:gid:7")
    (found,) = await bench.identities.jwt_svids(workload, ["aud"], A.spiffe_id)
    assert found.svid.spiffe_id == A.spiffe_id


@pytest.mark.rows("JS-07")
async def test_the_hints_of_tokens_are_unique() -> None:
    old, new = entry("/old", ANA, hint="internal"), entry("/new", ANA, hint="internal")
    found = await Bench(old, new).identities.jwt_svids(FakeWorkload(ANA), ["aud"], None)
    assert [each.hint for each in found] == ["internal", ""]


@pytest.mark.rows("JS-09")
@pytest.mark.parametrize("path", [None, "/b", "/nobody"])
async def test_there_is_no_token_for_who_is_not_entitled(path: str | None) -> None:
    asked = None if path is None else SpiffeId(TrustDomain("prod.example"), path)
    workload = FakeWorkload("unix:uid:3") if path is None else FakeWorkload(ANA)
    with pytest.raises(NotEntitledError, match=path or "any identity"):
        await Bench(A, B).identities.jwt_svids(workload, ["aud"], asked)


@pytest.mark.rows("JS-13")
async def test_there_is_no_token_while_nobody_can_sign() -> None:
    bench = Bench(A)
    bench.authority.down = True
    with pytest.raises(AuthorityUnavailableError, match="down"):
        await bench.identities.jwt_svids(FakeWorkload(ANA), ["aud"], None)


class TokenWatcher:
    """Watches with a follower of one token; ``seen`` is what it got each time."""

    def __init__(self, bench: Bench, workload: FakeWorkload) -> None:
        self.tokens = bench.identities.follow_tokens()
        self.seen: list[tuple[Snapshot, str]] = []
        self.error: AttestationError | None = None
        self._states = bench.identities.watch(workload, self.tokens)

    async def run(self) -> None:
        try:
            async with aclosing(self._states):
                async for snapshot in self._states:
                    with self.tokens.round():
                        found = self.tokens.look_up(A, "a")
                    token = found if isinstance(found, str) else found.svid.token
                    self.seen.append((snapshot, token))
        except AttestationError as error:
            self.error = error


async def test_a_watcher_of_tokens_gets_the_same_state_again_when_one_is_replaced() -> None:
    bench, workload = Bench(A), FakeWorkload(ANA)
    watcher = TokenWatcher(bench, workload)
    async with running(bench.identities, watcher):
        await quiet()
        count = len(watcher.seen)
        await bench.pass_time(4 * MINUTE)
        assert len(watcher.seen) == count + 1
        (before, old), (after, new) = watcher.seen[-2:]
        assert after is before
        assert new != old
        workload.caller.alive = False
        await bench.pass_time(4 * MINUTE)
        assert "has exited" in str(watcher.error)
        assert len(watcher.seen) == count + 1


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


async def test_a_dispute_over_a_hint_is_logged_once_for_a_template(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench(template("/u/{unix:uid}", hint="x"), template("/v/{unix:uid}", hint="x"))
    with caplog.at_level(logging.WARNING):
        for uid in range(3):
            await bench.identities.snapshot(FakeWorkload(f"unix:uid:{uid}"))
    assert len([each for each in caplog.records if "share a hint" in each.message]) == 1
