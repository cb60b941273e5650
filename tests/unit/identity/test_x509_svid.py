from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import load_der_private_key
from support.ca import Issued, TestCa
from support.clock import EPOCH

from accredit.identity.errors import X509SvidError
from accredit.identity.keys import KeyType, generate, load_pkcs8
from accredit.identity.spiffe_id import SpiffeId
from accredit.identity.x509_svid import X509Svid
from accredit.identity.x509_verify import split_der

CA = TestCa()
A = SpiffeId.parse("spiffe://td.example/a")


def test_the_encodings_hold_chain_and_key_and_are_computed_once() -> None:
    svid = CA.intermediate().svid(A)
    assert split_der(svid.chain_der) == svid.chain
    assert svid.chain_pem.count(b"BEGIN CERTIFICATE") == 2
    for data in (svid.key_der, svid.key_pem):
        assert load_pkcs8(data).public_key() == svid.leaf.public_key()
    for name in ("chain_der", "chain_pem", "key_der", "key_pem"):
        assert getattr(svid, name) is getattr(svid, name)


def test_it_says_when_it_is_valid() -> None:
    svid = CA.svid(A, not_before=EPOCH, not_after=EPOCH + timedelta(hours=1))
    assert (svid.not_before, svid.not_after) == (EPOCH, EPOCH + timedelta(hours=1))
    assert not svid.expired(EPOCH + timedelta(hours=1))
    assert svid.expired(EPOCH + timedelta(hours=1, microseconds=1))


def test_repr_shows_id_and_serial_and_never_the_key() -> None:
    svid = CA.svid(A)
    assert svid.key_pem  # cached by now
    assert repr(svid) == f"X509Svid(spiffe://td.example/a, serial={svid.serial})"
    assert int(svid.serial, 16) == svid.leaf.serial_number
    assert svid.serial == svid.serial.lower()


def test_equality_is_identity() -> None:
    svid = CA.svid(A)
    assert svid != X509Svid(svid.spiffe_id, svid.chain, svid.key)


def test_it_cannot_be_changed() -> None:
    with pytest.raises(AttributeError, match="cannot assign to field 'key'"):
        CA.svid(A).key = generate(KeyType.EC_P256)  # type: ignore[misc]


def _with_another_key() -> Issued:
    return Issued(CA.issue(A).chain, generate(KeyType.EC_P256))


def _with_a_strange_intermediate() -> Issued:
    issued = CA.issue(A)
    return Issued((issued.leaf, TestCa().certificate), issued.key)


def _with_a_leaf_as_intermediate() -> Issued:
    middle = CA.intermediate(ca=False, usage=["digital_signature"])
    return middle.issue(A)


def _root_first() -> Issued:
    issued = CA.intermediate().issue(A)
    return Issued(issued.chain[::-1], issued.key)


@pytest.mark.parametrize(
    ("make", "rule", "reason"),
    [
        (lambda: Issued((), CA.key), "X509-SVID 3", "the chain is empty"),
        (lambda: CA.issue("spiffe://td.example/b"), "X509-SVID 2", "names spiffe://td.example/b,"),
        (_with_another_key, "X509-SVID 3", "the private key does not fit the leaf"),
        (_with_a_strange_intermediate, "RFC 5280 6.1", "followed by the one that signed it"),
        (_with_a_leaf_as_intermediate, "RFC 5280 6.1", "followed by the one that signed it"),
        (_root_first, "X509-SVID 5.2", "a leaf's SPIFFE ID needs a path"),
    ],
)
def test_what_does_not_fit_together_is_no_svid(
    make: Callable[[], Issued], rule: str, reason: str
) -> None:
    chain, key = make()
    with pytest.raises(X509SvidError, match=reason) as caught:
        X509Svid(A, chain, key)
    assert caught.value.rule == rule


@pytest.mark.rows("XI-22", "XV-11")
def test_a_signing_certificate_is_no_svid_to_authenticate_with() -> None:
    ca = TestCa(uris=[str(A)])
    with pytest.raises(X509SvidError, match="a leaf must not have cA set"):
        X509Svid(A, (ca.certificate,), ca.key)


@pytest.mark.parametrize("kind", [KeyType.EC_P384, KeyType.RSA_2048])
def test_every_kind_of_key_makes_an_svid(kind: KeyType) -> None:
    svid = CA.svid(A, kind=kind)
    assert load_der_private_key(svid.key_der, None).public_key() == svid.leaf.public_key()
