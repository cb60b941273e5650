from __future__ import annotations

from support.ca import TestCa
from support.entries import entry
from support.snapshots import TRUST_DOMAIN, snapshot

from accredit.authority.entry import Entry
from accredit.rotation.entitlement import Entitlement
from accredit.rotation.snapshot import Snapshot
from accredit.sds_server.preview import preview
from accredit.sds_server.settings import SdsSettings

CA, PARTNER = TestCa(TRUST_DOMAIN), TestCa("partner.example")
WEB = entry("/web", hint="outside")
DB = entry("/db", default=True, federates_with=("partner.example",))
SETTINGS = SdsSettings()


def _preview(made: Snapshot, *entries: Entry, settings: SdsSettings = SETTINGS) -> dict[str, str]:
    return dict(preview(Entitlement(entries), made, settings))


def test_each_name_has_what_sds_sends_for_it() -> None:
    made = snapshot(CA, DB, WEB, partners=[PARTNER])
    assert _preview(made, WEB, DB) == {
        "default": "certificate of spiffe://prod.example/db",
        "spiffe://prod.example/db": "certificate of spiffe://prod.example/db",
        "spiffe://prod.example/web": "certificate of spiffe://prod.example/web",
        "hint:outside": "certificate of spiffe://prod.example/web",
        "ROOTCA": "validation context of prod.example",
        "ALL": "validation context of prod.example, partner.example",
        "spiffe://prod.example": "validation context of prod.example",
        "spiffe://partner.example": "validation context of partner.example",
    }


def test_what_is_not_signed_yet_is_told_with_its_id() -> None:
    found = _preview(snapshot(CA, pending=[WEB]), WEB)
    later = "certificate of spiffe://prod.example/web, signed when it is asked for"
    assert [found[name] for name in ("default", "hint:outside", WEB.shown_id)] == [later] * 3


def test_who_has_no_identity_gets_nothing() -> None:
    nothing = "nothing: no registration entry matches the caller"
    assert _preview(snapshot(CA)) == dict.fromkeys(
        ("default", "ROOTCA", "ALL", "spiffe://prod.example"), nothing
    )


def test_the_operators_names_and_rules_count() -> None:
    settings = SdsSettings(default_svid_name="mine", disable_spiffe_cert_validation=True)
    found = _preview(snapshot(CA, WEB), WEB, settings=settings)
    assert found["mine"] == "certificate of spiffe://prod.example/web"
    assert found["ROOTCA"] == "validation context of prod.example as a plain list of CAs"


def test_a_federated_bundle_that_is_not_here_is_told() -> None:
    found = _preview(snapshot(CA, DB), DB)
    assert found["spiffe://partner.example"] == (
        "nothing: the bundle of partner.example is not known"
    )
