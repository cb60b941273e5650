"""An embedded authority that lives through its rotations by a clock that a test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from cryptography import x509

from accredit.authority.embedded.authority import EmbeddedAuthority
from accredit.authority.embedded.settings import EmbeddedSettings
from accredit.authority.embedded.state import Kind, Phase
from accredit.identity.bundle import TrustBundle
from accredit.identity.keys import KeyType, generate
from support.clock import FakeClock
from support.embedded import TRUST_DOMAIN, opened, settle
from support.entries import entry

KEY = generate(KeyType.EC_P256).public_key()
WEB = entry("/web")


class Life:
    """A running authority and its clock; ``bundles`` is everything it ever published."""

    def __init__(self, authority: EmbeddedAuthority, clock: FakeClock) -> None:
        self.authority = authority
        self.clock = clock
        self.bundles: list[tuple[datetime, TrustBundle]] = []
        self._note()
        authority.subscribe(self._note)

    def _note(self) -> None:
        self.bundles.append((self.clock.now(), self.bundle))

    @property
    def bundle(self) -> TrustBundle:
        return self.authority.bundles[TRUST_DOMAIN]

    def phases(self, kind: Kind = Kind.X509) -> list[Phase]:
        return [signer.phase for signer in self.authority._vault.state.of(kind)]

    async def settle(self) -> None:
        await settle(self.clock)

    async def until(self, when: datetime) -> None:
        """Let time pass, with every step taken in its time."""
        await self.settle()
        while (wake := self.clock.next_wake) is not None and wake <= when:
            self.clock.advance(wake - self.clock.now())
            await self.settle()
        self.clock.advance(when - self.clock.now())

    async def sign(self) -> x509.Certificate:
        (leaf,) = await self.authority.sign_x509(WEB, KEY)
        await self.authority.sign_jwt(WEB, ["db"])
        return leaf


@asynccontextmanager
async def living(
    folder: Path, clock: FakeClock, settings: EmbeddedSettings | None = None
) -> AsyncIterator[Life]:
    with opened(folder, clock, settings) as authority:
        async with asyncio.TaskGroup() as group:
            life = Life(authority, clock)
            task = group.create_task(authority.run())
            await life.settle()
            yield life
            task.cancel()
