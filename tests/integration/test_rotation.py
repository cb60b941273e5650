from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

from support import embedded
from support.embedded import SetEntries
from support.entries import entry
from support.fake_workload import FakeWorkload
from support.follower import Follower
from support.running import running

from accredit.identity.x509_verify import verify_x509_svid
from accredit.rotation.clock import SystemClock
from accredit.rotation.identities import Identities
from accredit.rotation.snapshot import Snapshot

WEB = entry("/web", ttl=timedelta(seconds=3))


class CheckingFollower(Follower):
    """Checks each snapshot in the moment it comes."""

    def __init__(self, identities: Identities, now: Callable[[], datetime]) -> None:
        super().__init__(identities, FakeWorkload())
        self._now = now
        self._came = asyncio.Condition()

    async def take(self, snapshot: Snapshot) -> None:
        for each in snapshot.identities:
            named = verify_x509_svid(each.svid.chain, snapshot.bundles, self._now())
            assert named == each.spiffe_id
        await super().take(snapshot)
        async with self._came:
            self._came.notify_all()

    async def until(self, holds: Callable[[Snapshot], bool]) -> None:
        async with asyncio.timeout(60), self._came:
            await self._came.wait_for(lambda: bool(self.seen) and holds(self.last))


async def test_by_the_real_clock_and_authority_every_state_verifies_when_it_comes(
    tmp_path: Path,
) -> None:
    entries = SetEntries(WEB)
    with (
        closing(SystemClock()) as clock,
        embedded.opened(tmp_path / "data", clock, entries=entries) as authority,
    ):
        identities = Identities(authority, clock)
        follower = CheckingFollower(identities, clock.now)
        async with running(identities, authority, follower):
            await follower.until(lambda _: len(set(map(id, follower.seen))) >= 3)
            await authority.rotate()
            await follower.until(lambda last: len(last.bundle.x509_authorities) == 2)
            entries.set()
            await follower.until(lambda last: not last.entitled)
            entries.set(entry("/other"))
            await follower.until(lambda last: bool(last.identities))
    assert follower.paths == ["/other"]
    assert follower.error is None
