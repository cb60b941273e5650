"""The path from a leaf to its root: times, signatures, lengths and what RFC 5280 demands."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from support.ca import TestCa
from support.certificate import AUTHORITY, common_name
from support.clock import EPOCH
from support.x509_checks import CA, HOUR, A, verify

from accredit.identity.errors import X509SvidError


def _flip(certificate: x509.Certificate, old: bytes, new: bytes) -> x509.Certificate:
    der = certificate.public_bytes(Encoding.DER)
    assert der.count(old) == 1
    return x509.load_der_x509_certificate(der.replace(old, new))


@pytest.mark.rows("SV-05", "XV-01")
def test_an_id_that_was_changed_after_signing_is_refused() -> None:
    forged = _flip(CA.issue(A).leaf, b"td.example/a", b"td.example/b")
    with pytest.raises(X509SvidError, match="signature does not match"):
        verify([forged], CA.bundle())


@pytest.mark.rows("SV-05", "XV-01")
def test_a_key_that_was_changed_after_signing_is_refused() -> None:
    mine, other = CA.issue(A), CA.issue(A)
    forged = _flip(mine.leaf, _point(mine.leaf), _point(other.leaf))
    with pytest.raises(X509SvidError, match="signature does not match"):
        verify([forged], CA.bundle())


def _point(certificate: x509.Certificate) -> bytes:
    key = certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


UNKNOWN = (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True)
CONSTRAINT = x509.NameConstraints([x509.UniformResourceIdentifier("b.example")], None)


@pytest.mark.rows("XV-01")
@pytest.mark.parametrize(
    ("root", "leaf", "reason"),
    [
        ({}, {"not_after": EPOCH - HOUR / 2}, "not valid at validation time"),
        ({}, {"not_before": EPOCH + HOUR / 2}, "not valid at validation time"),
        ({"not_after": EPOCH - HOUR / 2}, {}, "not valid at validation time"),
        ({}, {"extra": [UNKNOWN]}, "unaccounted-for critical extensions"),
        ({"extra": [UNKNOWN]}, {}, "unaccounted-for critical extensions"),
    ],
    ids=["expired", "not yet valid", "root expired", "critical extension", "of the root"],
)
def test_a_path_that_breaks_rfc_5280_is_refused(
    root: dict[str, Any], leaf: dict[str, Any], reason: str
) -> None:
    ca = TestCa(**root)
    with pytest.raises(X509SvidError, match=reason) as caught:
        verify(ca.issue(A, **leaf).chain, ca.bundle())
    assert caught.value.rule == "X509-SVID 5.1"


@pytest.mark.rows("XV-01", "XV-18")
@pytest.mark.parametrize(
    ("above", "below", "reason"),
    [
        ({}, {"ca": False}, "cA must be asserted"),
        ({}, {"ca": None}, "missing required extension"),
        ({}, {"usage": None}, "missing required extension"),
        ({}, {"usage": ["crl_sign"]}, "a signing certificate needs keyCertSign"),
        ({"path_length": 0}, {}, "path length constraint violated"),
        ({}, {"not_after": EPOCH - HOUR / 2}, "not valid at validation time"),
    ],
    ids=["cA false", "no constraints", "no key usage", "no keyCertSign", "too long", "expired"],
)
def test_an_intermediate_that_may_not_sign_here_is_refused(
    above: dict[str, Any], below: dict[str, Any], reason: str
) -> None:
    root = TestCa(**above)
    chain = root.intermediate(**below).issue(A).chain
    with pytest.raises(X509SvidError, match=reason):
        verify(chain, root.bundle())


@pytest.mark.rows("XV-17")
@pytest.mark.parametrize("critical", [True, False])
def test_a_uri_name_constraint_is_refused_as_nobody_here_enforces_it(critical: bool) -> None:
    constrained: dict[str, Any] = {"extra": [(CONSTRAINT, critical)]}
    root = TestCa(**constrained)
    with pytest.raises(X509SvidError, match="unsupported name constraint"):
        verify(root.issue(A).chain, root.bundle())
    with pytest.raises(X509SvidError, match="unsupported name constraint"):
        verify(CA.intermediate(**constrained).issue(A).chain, CA.bundle())


@pytest.mark.parametrize("count", [0, 10])
def test_a_chain_has_one_leaf_and_at_most_eight_intermediates(count: int) -> None:
    reason = "the chain is empty" if count == 0 else "more than 8 intermediates"
    with pytest.raises(X509SvidError, match=reason):
        verify([CA.issue(A).leaf] * count, CA.bundle())
    ca = CA
    for _ in range(8):
        ca = ca.intermediate()
    assert verify(ca.issue(A).chain, CA.bundle()) == A


def test_intermediates_that_all_sign_each_other_do_not_keep_us_busy() -> None:
    loop = TestCa(subject="loop")
    public, name = loop.key.public_key(), common_name("loop")
    again = replace(AUTHORITY, subject="loop")
    same_key = [again.sign(public, name, loop.key) for _ in range(8)]
    with pytest.raises(X509SvidError, match="maximum signature check limit"):
        verify([loop.issue(A).leaf, *same_key], CA.bundle())
