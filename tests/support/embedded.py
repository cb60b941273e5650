"""An embedded authority in a folder, with entries that a test sets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from accredit.authority.embedded.authority import EmbeddedAuthority
from accredit.authority.embedded.keeping import Ways
from accredit.authority.embedded.settings import EmbeddedSettings
from accredit.authority.entry_set import EntrySet
from accredit.authority.entry_template import Declared
from accredit.authority.federation.relationship import Relationship
from accredit.authority.subscribers import Subscribers
from accredit.identity.clock import Clock
from accredit.identity.spiffe_id import TrustDomain
from support.clock import FakeClock

TRUST_DOMAIN = TrustDomain("prod.example")


class SetEntries:
    """Entries that are what a test says."""

    def __init__(self, *entries: Declared) -> None:
        self.entries = EntrySet(entries)
        self.subscribers = Subscribers()
        self.subscribe = self.subscribers.add

    def set(self, *entries: Declared) -> None:
        self.entries = EntrySet(entries)
        self.subscribers.tell()


@contextmanager
def opened(
    folder: Path,
    clock: Clock,
    settings: EmbeddedSettings | None = None,
    *,
    entries: SetEntries | None = None,
    relationships: Sequence[Relationship] = (),
    ways: Ways | None = None,
) -> Iterator[EmbeddedAuthority]:
    """Open the authority of a folder, and let go of it at the end."""
    authority = EmbeddedAuthority.open(
        folder,
        TRUST_DOMAIN,
        settings or EmbeddedSettings(),
        clock,
        entries or SetEntries(),
        relationships,
        ways,
    )
    try:
        yield authority
    finally:
        authority.close()


@asynccontextmanager
async def running(authority: EmbeddedAuthority) -> AsyncIterator[asyncio.Task[None]]:
    """Let its component run meanwhile."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(authority.run())
        yield task
        task.cancel()


async def settle(clock: FakeClock) -> None:
    """Wait until the schedule sleeps again; making a key takes another thread's time."""
    for _ in range(20):  # whoever was woken but has not run yet
        await asyncio.sleep(0)
    async with asyncio.timeout(30):
        while clock.next_wake is None:  # noqa: ASYNC110  a thread has no event
            await asyncio.sleep(0.0005)
