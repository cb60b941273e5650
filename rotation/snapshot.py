"""What one caller is entitled to at one moment: complete, immutable, shared."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar, cast

from accredit.authority.entry import Entry
from accredit.identity.bundle import TrustBundle
from accredit.identity.spiffe_id import SpiffeId, TrustDomain
from accredit.identity.x509_svid import X509Svid

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Identity:
    """One entry with its current SVID and the hint it is delivered under.

    ``hint`` is empty where an older entry of the same caller already has it (Workload API 5.2.1).
    """

    entry: Entry
    svid: X509Svid
    hint: str

    @property
    def spiffe_id(self) -> SpiffeId:
        """The SPIFFE ID."""
        return self.entry.spiffe_id


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """The full state for one set of entries; every caller with that set holds the same object.

    ``identities`` are in the order of delivery: the caller's default identity first, then file
    order. None of them had expired when the snapshot was made, and a newer one replaces it before
    any does. ``pending`` are entries the caller is entitled to whose SVID cannot be had just now.
    ``bundles`` holds the own trust domain and the federated ones of these entries; it is the own
    bundle alone when there is no entry.
    """

    trust_domain: TrustDomain
    identities: tuple[Identity, ...]
    pending: tuple[Entry, ...]
    bundles: Mapping[TrustDomain, TrustBundle]
    _wire: dict[Hashable, object] = field(default_factory=dict, repr=False)

    @property
    def entitled(self) -> bool:
        """Whether any entry matches the caller, signed for or not."""
        return bool(self.identities or self.pending)

    @property
    def bundle(self) -> TrustBundle:
        """The own trust domain's bundle."""
        return self.bundles[self.trust_domain]

    @property
    def federated(self) -> Mapping[TrustDomain, TrustBundle]:
        """The foreign bundles, without the own one."""
        return {td: b for td, b in self.bundles.items() if td != self.trust_domain}

    def memo(self, key: Hashable, make: Callable[[Snapshot], T]) -> T:
        """Return ``make(self)``, made once per snapshot and key: wire bytes all streams share."""
        if key not in self._wire:
            self._wire[key] = make(self)
        return cast("T", self._wire[key])
