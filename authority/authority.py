"""The protocol every authority speaks: entries, bundles, signatures."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from cryptography import x509

from accredit.authority.entry import Entry
from accredit.authority.entry_set import EntrySet
from accredit.identity.bundle import TrustBundle
from accredit.identity.jwt_svid import JwtSvid
from accredit.identity.keys import PublicKey
from accredit.identity.spiffe_id import TrustDomain


class Authority(Protocol):
    """Who may have which identity, and who signs it; embedded here, or a SPIRE Server.

    ``entries`` and ``bundles`` are immutable snapshots; a change replaces them whole and then
    calls every subscriber, on the event loop, before anything is signed under the new state.
    """

    @property
    def trust_domain(self) -> TrustDomain:
        """The one trust domain it signs for."""
        ...

    @property
    def entries(self) -> EntrySet:
        """All registration entries, as they are now."""
        ...

    @property
    def bundles(self) -> Mapping[TrustDomain, TrustBundle]:
        """The own bundle and every federated one, as they are now."""
        ...

    @property
    def signer_generation(self) -> int:
        """Grows when SVIDs signed before should be replaced now (a forced root rotation)."""
        ...

    @property
    def revoked(self) -> Collection[int]:
        """Serials of X.509-SVIDs that were revoked and have not ended."""
        ...

    def unrevoked(self, declared: EntrySet) -> EntrySet:
        """Return what these would come to as ``entries``, with what is revoked now."""
        ...

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call ``changed`` after a change of any of these; returns the undo."""
        ...

    async def sign_x509(self, entry: Entry, public_key: PublicKey) -> Sequence[x509.Certificate]:
        """Return a chain for ``public_key``, leaf first, roots left out.

        Raises:
            AuthorityUnavailableError: nobody can sign just now.
        """
        ...

    async def sign_jwt(self, entry: Entry, audience: Sequence[str]) -> JwtSvid:
        """Return a JWT-SVID for a non-empty ``audience``.

        Raises:
            AuthorityUnavailableError: nobody can sign just now.
        """
        ...
