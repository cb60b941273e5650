from __future__ import annotations

from datetime import timedelta

from support.clock import EPOCH
from support.entries import entry
from support.signer import Signer

from accredit.authority.entry import Entry
from accredit.identity.keys import KeyType, generate
from accredit.identity.spiffe_id import TrustDomain
from accredit.identity.trust_bundle import TrustBundle
from accredit.identity.x509_svid import X509Svid
from accredit.rotation.compose import compose, ends, same
from accredit.rotation.entitlement import Entitlement
from accredit.rotation.snapshot import Snapshot

OWN, PARTNER, OTHER = (TrustDomain(f"{name}.example") for name in ("prod", "partner", "other"))
BUNDLES = {domain: TrustBundle(domain) for domain in (OWN, PARTNER, OTHER)}
A = entry("/a", hint="internal", ttl=timedelta(hours=2))
B = entry("/b", federates_with=("partner.example", "unknown.example"))
SIGNER = Signer(OWN, EPOCH)


def svid(of: Entry) -> X509Svid:
    key = generate(KeyType.EC_P256)
    return X509Svid(of.spiffe_id, (SIGNER.x509(of, key.public_key(), EPOCH),), key)


SVIDS = {each.entry_id: svid(each) for each in (A, B)}


def composed(*entries: Entry, svids: dict[str, X509Svid] = SVIDS) -> Snapshot:
    return compose(Entitlement(entries), svids.get, OWN, BUNDLES)


def test_it_holds_each_entrys_svid_and_hint() -> None:
    found = [(each.spiffe_id.path, each.hint) for each in composed(A, B).identities]
    assert found == [("/a", "internal"), ("/b", "")]


def test_an_entry_without_an_svid_is_pending() -> None:
    snapshot = composed(A, B, svids={B.entry_id: SVIDS[B.entry_id]})
    assert [each.entry for each in snapshot.identities] == [B]
    assert snapshot.pending == (A,)
    assert snapshot.entitled


def test_it_holds_the_own_bundle_and_those_of_its_entries_as_far_as_known() -> None:
    assert set(composed(A).bundles) == {OWN}
    assert set(composed(A, B).bundles) == {OWN, PARTNER}
    assert set(composed(A, B).federated) == {PARTNER}
    assert composed(B).bundle is BUNDLES[OWN]


def test_a_caller_without_entries_gets_the_own_bundle_alone() -> None:
    snapshot = composed()
    assert (snapshot.identities, snapshot.pending, set(snapshot.bundles)) == ((), (), {OWN})
    assert not snapshot.entitled


def test_snapshots_of_the_same_parts_are_the_same() -> None:
    assert same(composed(A, B), composed(A, B))


def test_another_svid_of_the_same_entry_makes_another_snapshot() -> None:
    assert not same(composed(A), composed(A, svids={A.entry_id: svid(A)}))
    assert not same(composed(A), composed(A, svids={}))


def test_another_bundle_makes_another_snapshot() -> None:
    newer = {**BUNDLES, OWN: TrustBundle(OWN, (SIGNER.root,))}
    assert not same(composed(A), compose(Entitlement([A]), SVIDS.get, OWN, newer))


def test_it_ends_with_its_first_svid() -> None:
    assert ends(composed(A, B)) == SVIDS[B.entry_id].not_after
    assert ends(composed()).year == 9999
