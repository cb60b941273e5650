from __future__ import annotations

from datetime import timedelta

from support.clock import EPOCH
from support.entries import entry
from support.signer import Signer

from accredit.identity.keys import KeyType, generate
from accredit.identity.spiffe_id import TrustDomain
from accredit.identity.trust_bundle import TrustBundle
from accredit.identity.x509_svid import X509Svid
from accredit.rotation.compose import compose
from accredit.rotation.entitlement import Entitlement
from accredit.rotation.group import Group
from accredit.rotation.snapshot import Snapshot

OWN, PARTNER, OTHER = (TrustDomain(f"{name}.example") for name in ("prod", "partner", "other"))
WEB = entry("/web", federates_with=("partner.example",))


class Composer:
    """Composes from whatever ``svid`` is, and counts."""

    def __init__(self) -> None:
        self.calls, self.svid = 0, self.new_svid()

    def new_svid(self) -> X509Svid:
        key = generate(KeyType.EC_P256)
        leaf = Signer(OWN, EPOCH).x509(WEB, key.public_key(), EPOCH)
        return X509Svid(WEB.spiffe_id, (leaf,), key)

    def __call__(self, entitlement: Entitlement) -> Snapshot:
        self.calls += 1
        return compose(entitlement, lambda _: self.svid, OWN, {OWN: TrustBundle(OWN)})


def test_everyone_gets_the_same_object_composed_once() -> None:
    group, composer = Group((WEB,)), Composer()
    assert group.snapshot(EPOCH, composer) is group.snapshot(EPOCH, composer)
    assert composer.calls == 1


def test_a_snapshot_that_came_out_the_same_stays_the_same_object() -> None:
    group, composer = Group((WEB,)), Composer()
    before = group.snapshot(EPOCH, composer)
    group.invalidate()
    assert group.snapshot(EPOCH, composer) is before
    assert composer.calls == 2


def test_a_new_svid_makes_a_new_object_once_the_group_is_told() -> None:
    group, composer = Group((WEB,)), Composer()
    before = group.snapshot(EPOCH, composer)
    composer.svid = composer.new_svid()
    assert group.snapshot(EPOCH, composer) is before
    group.invalidate()
    assert group.snapshot(EPOCH, composer).identities[0].svid is composer.svid


def test_past_its_end_it_is_composed_again_without_being_told() -> None:
    group, composer = Group((WEB,)), Composer()
    group.snapshot(EPOCH, composer)
    last = EPOCH + timedelta(hours=1)
    group.snapshot(last, composer)
    assert composer.calls == 1
    group.snapshot(last + timedelta(microseconds=1), composer)
    assert composer.calls == 2


def test_it_shows_the_own_bundle_and_those_it_federates_with() -> None:
    group = Group((WEB,))
    shown = [domain for domain in (OWN, PARTNER, OTHER) if group.shows({domain}, OWN)]
    assert shown == [OWN, PARTNER]
