from __future__ import annotations

from accredit.identity.spiffe_id import TrustDomain
from accredit.identity.trust_bundle import TrustBundle
from accredit.rotation.snapshot import Snapshot

OWN = TrustDomain("prod.example")


def test_bytes_for_the_wire_are_made_once_for_each_key() -> None:
    snapshot, made = Snapshot(OWN, (), (), {OWN: TrustBundle(OWN)}), []

    def make(whose: Snapshot) -> object:
        made.append(whose)
        return object()

    assert snapshot.memo("x509", make) is snapshot.memo("x509", make)
    assert snapshot.memo("jwt", make) is not snapshot.memo("x509", make)
    assert made == [snapshot, snapshot]


def test_none_is_remembered_too() -> None:
    snapshot = Snapshot(OWN, (), (), {OWN: TrustBundle(OWN)})
    made: list[Snapshot] = []
    for _ in range(2):
        assert snapshot.memo("nothing", made.append) is None
    assert made == [snapshot]


def test_its_text_holds_no_bytes_for_the_wire() -> None:
    snapshot = Snapshot(OWN, (), (), {OWN: TrustBundle(OWN)})
    snapshot.memo("x509", lambda _: b"secret")
    assert "secret" not in repr(snapshot)
