"""Snapshots put together by hand."""

from __future__ import annotations

from collections.abc import Sequence

from accredit.authority.entry import Entry
from accredit.identity.bundle import TrustBundle
from accredit.identity.spiffe_id import TrustDomain
from accredit.rotation.snapshot import Identity, Snapshot
from support.ca import TestCa

TRUST_DOMAIN = "prod.example"


def identity(entry: Entry, ca: TestCa) -> Identity:
    return Identity(entry, ca.svid(entry.spiffe_id), entry.hint)


def snapshot(
    ca: TestCa,
    *entries: Entry,
    pending: Sequence[Entry] = (),
    partners: Sequence[TestCa] = (),
    bundle: TrustBundle | None = None,
) -> Snapshot:
    """Return the state of a caller with ``entries``, signed by ``ca``, and ``pending`` ones."""
    bundles: dict[TrustDomain, TrustBundle] = {ca.trust_domain: bundle or ca.bundle()}
    bundles |= {partner.trust_domain: partner.bundle() for partner in partners}
    return Snapshot(
        ca.trust_domain,
        tuple(identity(entry, ca) for entry in entries),
        tuple(pending),
        bundles,
    )
