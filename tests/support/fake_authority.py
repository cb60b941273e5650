"""An authority that works, in a mood that tests set."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from cryptography import x509

from accredit.authority.entry import Entry
from accredit.authority.entry_set import EntrySet
from accredit.authority.entry_template import Declared
from accredit.identity.bundle import TrustBundle
from accredit.identity.clock import Clock
from accredit.identity.errors import AuthorityUnavailableError
from accredit.identity.jwt_svid import JwtSvid
from accredit.identity.keys import PublicKey
from accredit.identity.spiffe_id import TrustDomain
from support.signer import Signer
from support.subscribers import Subscribers


class FakeAuthority:
    """Refuses while ``down``, hangs while ``open`` is cleared, counts what it ``signed``."""

    def __init__(
        self, clock: Clock, *entries: Declared, trust_domain: str = "prod.example"
    ) -> None:
        self.trust_domain, self.signer_generation = TrustDomain(trust_domain), 0
        self.revoked = frozenset[int]()
        self.entries, self.bundles = EntrySet(entries), dict[TrustDomain, TrustBundle]()
        self.down, self.open, self.signed = False, asyncio.Event(), 0
        self.open.set()
        self._clock, self._subscribers = clock, Subscribers()
        self.subscribe = self._subscribers.add
        self.rotate()

    def set_entries(self, *entries: Declared) -> None:
        self.entries = EntrySet(entries)
        self._subscribers.tell()

    def set_bundle(self, bundle: TrustBundle) -> None:
        self.bundles = {**self.bundles, bundle.trust_domain: bundle}
        self._subscribers.tell()

    def unrevoked(self, declared: EntrySet) -> EntrySet:
        return declared

    def revoke(self, *serials: int) -> None:
        self.revoked |= frozenset(serials)
        self._subscribers.tell()

    def rotate(self) -> None:
        """Sign with a new root and JWT key from now on; the bundle keeps the old ones."""
        self.signer = Signer(self.trust_domain, self._clock.now())
        self.signer_generation += 1
        old = self.bundles.get(self.trust_domain, TrustBundle(self.trust_domain))
        roots = (*old.x509_authorities, self.signer.root)
        jwt_keys = (*old.jwt_authorities, self.signer.jwt_authority)
        self.set_bundle(TrustBundle(self.trust_domain, roots, jwt_keys))

    async def sign_x509(self, entry: Entry, public_key: PublicKey) -> Sequence[x509.Certificate]:
        await self._ready()
        return (self.signer.x509(entry, public_key, self._clock.now()),)

    async def sign_jwt(self, entry: Entry, audience: Sequence[str]) -> JwtSvid:
        await self._ready()
        return self.signer.jwt(entry, audience, self._clock.now())

    async def _ready(self) -> None:
        await self.open.wait()
        if self.down:
            raise AuthorityUnavailableError("the fake authority is down")
        self.signed += 1
