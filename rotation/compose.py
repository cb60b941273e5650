"""From a caller's entries, the SVIDs there are and the bundles to one snapshot. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from accredit.identity.spiffe_id import TrustDomain
from accredit.identity.trust_bundle import TrustBundle
from accredit.identity.x509_svid import X509Svid
from accredit.rotation.entitlement import Entitlement
from accredit.rotation.snapshot import Identity, Snapshot

_NEVER = datetime.max.replace(tzinfo=UTC)
SvidOf = Callable[[str], X509Svid | None]


def compose(
    entitlement: Entitlement,
    svid_of: SvidOf,
    trust_domain: TrustDomain,
    bundles: Mapping[TrustDomain, TrustBundle],
) -> Snapshot:
    """Return the full state for ``entitlement``; ``svid_of`` gives what has not expired."""
    found = [(entry, svid_of(entry.entry_id)) for entry in entitlement.entries]
    shown = (trust_domain, *sorted(entitlement.federated & bundles.keys()))
    return Snapshot(
        trust_domain=trust_domain,
        identities=tuple(
            Identity(entry, svid, entitlement.hints[entry.entry_id])
            for entry, svid in found
            if svid is not None
        ),
        pending=tuple(entry for entry, svid in found if svid is None),
        bundles={domain: bundles[domain] for domain in shown},
    )


def same(one: Snapshot, other: Snapshot) -> bool:
    """Tell whether two snapshots of one entitlement say the same.

    SVIDs are the same if they are one object. What is pending follows from them.
    """
    return one.identities == other.identities and one.bundles == other.bundles


def ends(snapshot: Snapshot) -> datetime:
    """Return the last moment at which none of its SVIDs has expired."""
    return min((identity.svid.not_after for identity in snapshot.identities), default=_NEVER)
