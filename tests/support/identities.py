"""Identities over an authority that a test sets, and those who follow them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from accredit.authority.entry_template import Declared
from accredit.identity.x509_verify import verify_x509_svid
from accredit.rotation.identities import Identities
from accredit.rotation.settings import RotationSettings
from accredit.rotation.snapshot import Snapshot
from support.clock import HOUR, MINUTE, FakeClock
from support.entries import entry
from support.fake_authority import FakeAuthority
from support.fake_workload import FakeWorkload
from support.follower import Follower
from support.running import quiet, running

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
