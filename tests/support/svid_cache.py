"""A cache of SVIDs over an authority that a test sets."""

from __future__ import annotations

from datetime import timedelta

from accredit.authority.entry import Entry
from accredit.authority.entry_template import Declared
from accredit.identity.x509_svid import X509Svid
from accredit.rotation.held import Held
from accredit.rotation.settings import RotationSettings
from accredit.rotation.svid_cache import SvidCache
from support.clock import HOUR, MINUTE, FakeClock
from support.entries import entry
from support.fake_authority import FakeAuthority

A, B = entry("/a", ttl=HOUR), entry("/b", ttl=HOUR)


class Bench:
    """A cache with its authority; ``heard`` are the entries it told of a change."""

    def __init__(
        self, *entries: Declared, keep_warm: timedelta = 10 * MINUTE, template_svids: int = 100
    ) -> None:
        self.clock = FakeClock()
        self.authority = FakeAuthority(self.clock, *entries)
        self.watched: set[str] = set()
        self.heard: list[str] = []
        settings = RotationSettings(keep_warm=keep_warm, template_svids=template_svids)
        self.cache = SvidCache(
            self.authority, self.clock, settings, self.watched.__contains__, self.heard.append
        )
        self.authority.subscribe(self.cache.update)

    async def ask(self, *entries: Entry) -> None:
        await self.cache.obtain(self.cache.lacking(entries))

    def serial(self, of: Entry) -> str | None:
        svid = self.cache.svid(of.entry_id)
        return None if svid is None else svid.serial

    def held_svid(self, of: Entry) -> X509Svid:
        svid = self.held(of).svid
        assert svid is not None
        return svid

    def held(self, of: Entry) -> Held:
        return next(held for held in self.cache if held.entry.entry_id == of.entry_id)

    async def work_off(self) -> None:
        """Do what the renewal loop would."""
        for held in tuple(self.cache.agenda.take_due(self.clock.now())):
            await self.cache.tend(held)

    async def pass_time(self, span: timedelta) -> None:
        end = self.clock.now() + span
        while (when := self.cache.agenda.next()) is not None and when <= end:
            self.clock.advance(max(when - self.clock.now(), timedelta()))
            await self.work_off()
        self.clock.advance(end - self.clock.now())
