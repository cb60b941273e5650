"""Whatever happens, every watcher ends up with the full right state and never sees a wrong one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from support.clock import FakeClock
from support.entries import entry
from support.fake_authority import FakeAuthority
from support.fake_workload import FakeWorkload
from support.running import quiet
from support.signer import Signer

from accredit.authority.entry import Entry
from accredit.identity.errors import AttestationError
from accredit.identity.spiffe_id import TrustDomain
from accredit.identity.trust_bundle import TrustBundle
from accredit.identity.x509_verify import verify_x509_svid
from accredit.rotation.entitlement import Entitlement
from accredit.rotation.identities import Identities
from accredit.rotation.snapshot import Snapshot

PARTNER = TrustDomain("partner.example")
FACTS = ("t:1", "t:2", "t:3")
SECOND = timedelta(seconds=1)


class Watched:
    """One caller with its stream: checks each snapshot in the moment it comes."""

    def __init__(self, world: World, facts: tuple[str, ...]) -> None:
        self.workload = FakeWorkload(*facts)
        self.facts = facts
        self.last: Snapshot | None = None
        self.task = world.tasks.create_task(self._follow(world))

    async def _follow(self, world: World) -> None:
        try:
            async with aclosing(world.identities.watch(self.workload)) as snapshots:
                async for snapshot in snapshots:
                    assert self.workload.caller.alive
                    assert snapshot is not self.last, "the same state twice"
                    world.check(snapshot)
                    self.last = snapshot
        except AttestationError:
            assert not self.workload.caller.alive


class World:
    """The real thing over a fake authority, and what is true of it by definition."""

    def __init__(self, tasks: asyncio.TaskGroup) -> None:
        self.tasks = tasks
        self.clock = FakeClock()
        self.authority = FakeAuthority(self.clock)
        self.identities = Identities(self.authority, self.clock)
        self.running = tasks.create_task(self.identities.run())
        self.watched = [Watched(self, facts) for facts in (FACTS[:1], FACTS[:1], FACTS)]

    def check(self, snapshot: Snapshot) -> None:
        """Whole, unmixed, nothing expired, and no SVID that its own bundle does not verify."""
        now = self.clock.now()
        for each in snapshot.identities:
            assert not each.svid.expired(now)
            assert each.svid.spiffe_id == each.entry.spiffe_id
            assert each.svid.key.public_key() == each.svid.leaf.public_key()
            # While nobody can sign, a clock set back leaves SVIDs that are not valid yet.
            valid = max(now, each.svid.not_before)
            assert verify_x509_svid(each.svid.chain, snapshot.bundles, valid) == each.spiffe_id
        hints = [each.hint for each in snapshot.identities if each.hint]
        assert len(hints) == len(set(hints))

    def check_entitled(self, watched: Watched) -> None:
        """What it was told last is what it is entitled to now."""
        snapshot, evidence = watched.last, watched.workload._evidence
        assert snapshot is not None
        entitlement = Entitlement(self.authority.entries.match(evidence.selectors))
        with_svid = [each.entry for each in snapshot.identities]
        expected = list(entitlement.entries)
        assert sorted(with_svid + list(snapshot.pending), key=expected.index) == expected
        assert with_svid == [each for each in expected if each in with_svid]
        assert all(
            each.hint == entitlement.hints[each.entry.entry_id] for each in snapshot.identities
        )
        shown = {
            self.authority.trust_domain,
            *entitlement.federated,
        } & self.authority.bundles.keys()
        assert snapshot.bundles == {domain: self.authority.bundles[domain] for domain in shown}
        self.check(snapshot)

    async def check_all(self) -> None:
        await quiet()
        for watched in self.watched:
            if watched.workload.caller.alive:
                self.check_entitled(watched)

    async def recover(self) -> None:
        """After an outage everyone has everything within the longest wait for a retry."""
        self.authority.down = False
        for _ in range(3):
            self.clock.advance(timedelta(seconds=67))
            await quiet()
        for watched in self.watched:
            if watched.workload.caller.alive:
                assert watched.last is not None
                assert watched.last.pending == ()
                for each in watched.last.identities:
                    assert each.svid.leaf.issuer == self.authority.signer.root.subject
                    assert each.svid.not_before <= self.clock.now()
                    assert each.svid.not_after - each.svid.not_before < each.entry.x509_ttl * 1.5
        assert self.identities.describe().watchers == sum(
            not watched.task.done() for watched in self.watched
        )

    def stop(self) -> None:
        for watched in self.watched:
            watched.task.cancel()
        self.running.cancel()


Step = Callable[[World], None]


@dataclass(frozen=True)
class SetEntries:
    entries: tuple[Entry, ...]

    def __call__(self, world: World) -> None:
        world.authority.set_entries(*self.entries)


@dataclass(frozen=True)
class Advance:
    span: timedelta

    def __call__(self, world: World) -> None:
        world.clock.advance(self.span)


@dataclass(frozen=True)
class Jump:
    span: timedelta

    def __call__(self, world: World) -> None:
        world.clock.jump(self.span)


@dataclass(frozen=True)
class Outage:
    down: bool

    def __call__(self, world: World) -> None:
        world.authority.down = self.down


@dataclass(frozen=True)
class Rotate:
    def __call__(self, world: World) -> None:
        world.authority.rotate()


@dataclass(frozen=True)
class Federate:
    def __call__(self, world: World) -> None:
        root = Signer(PARTNER, world.clock.now()).root
        world.authority.set_bundle(TrustBundle(PARTNER, (root,)))


@dataclass(frozen=True)
class Become:
    who: int
    facts: tuple[str, ...]

    def __call__(self, world: World) -> None:
        world.watched[self.who % len(world.watched)].workload.become(*self.facts)


@dataclass(frozen=True)
class Connect:
    facts: tuple[str, ...]

    def __call__(self, world: World) -> None:
        world.watched.append(Watched(world, self.facts))


@dataclass(frozen=True)
class Leave:
    who: int

    def __call__(self, world: World) -> None:
        if len(world.watched) > 1:
            world.watched.pop(self.who % len(world.watched)).task.cancel()


@dataclass(frozen=True)
class Die:
    who: int

    def __call__(self, world: World) -> None:
        world.watched[self.who % len(world.watched)].workload.caller.alive = False


facts = st.lists(st.sampled_from(FACTS), unique=True).map(tuple)
entries = st.builds(
    lambda path, needs, ttl, hint, default, names, federates: entry(
        path,
        *needs,
        ttl=ttl,
        hint=hint,
        default=default,
        dns_names=names,
        federates_with=federates,
    ),
    path=st.sampled_from(["/a", "/b"]),
    needs=st.lists(st.sampled_from(FACTS), unique=True, min_size=1, max_size=2),
    ttl=st.sampled_from([timedelta(minutes=1), timedelta(hours=1)]),
    hint=st.sampled_from(["", "", "internal"]),
    default=st.booleans(),
    names=st.sampled_from([(), ("a.example",)]),
    federates=st.sampled_from([(), ("partner.example",)]),
)
spans = st.sampled_from([SECOND, 10 * SECOND, 31 * SECOND, 1900 * SECOND, 7300 * SECOND])
steps: st.SearchStrategy[Step] = st.one_of(
    st.builds(
        SetEntries,
        st.lists(entries, unique_by=lambda each: each.entry_id, max_size=5).map(tuple),
    ),
    st.builds(Advance, spans),
    st.builds(Jump, st.one_of(spans, spans.map(lambda span: -span))),
    st.builds(Outage, st.booleans()),
    st.builds(Rotate),
    st.builds(Federate),
    st.builds(Become, st.integers(0, 5), facts),
    st.builds(Connect, facts),
    st.builds(Leave, st.integers(0, 5)),
    st.builds(Die, st.integers(0, 5)),
)


async def live_through(happenings: list[Step], *, settle_between: bool) -> None:
    async with asyncio.TaskGroup() as tasks:
        world = World(tasks)
        for step in happenings:
            if settle_between:
                await world.check_all()
            step(world)
        await world.check_all()
        await world.recover()
        await world.check_all()
        world.stop()


@settings(max_examples=200)
@given(happenings=st.lists(steps, max_size=15), settle_between=st.booleans())
def test_every_watcher_converges_to_the_right_state_and_never_sees_a_wrong_one(
    *, happenings: list[Step], settle_between: bool
) -> None:
    asyncio.run(live_through(happenings, settle_between=settle_between))
