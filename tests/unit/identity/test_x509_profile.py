from __future__ import annotations

from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from support.ca import TestCa

from accredit.identity.errors import X509SvidError
from accredit.identity.x509_profile import (
    check_leaf,
    find_extension,
    follows,
    is_signing,
    public_key_of,
    uri_names,
)

CA = TestCa()
A = "spiffe://td.example/a"


def test_the_id_of_a_leaf_is_its_uri_san() -> None:
    assert str(check_leaf(CA.issue(A).leaf)) == A


@pytest.mark.parametrize(
    ("rule", "reason", "defects"),
    [
        pytest.param(
            "X509-SVID 2",
            "expected exactly one URI SAN, found 2",
            {"uris": [A, "https://x.example/"]},
            marks=pytest.mark.rows("XV-02"),
            id="a second URI of another scheme",
        ),
        pytest.param(
            "X509-SVID 2",
            "expected exactly one URI SAN, found 2",
            {"uris": [A, A]},
            marks=pytest.mark.rows("XV-02"),
            id="the same URI twice",
        ),
        pytest.param(
            "X509-SVID 2",
            "expected exactly one URI SAN, found 0",
            {"uris": [], "dns_names": ["a.example"]},
            marks=pytest.mark.rows("XV-03"),
            id="a DNS name only",
        ),
        pytest.param(
            "X509-SVID 2",
            "expected exactly one URI SAN, found 0",
            {"uris": []},
            marks=pytest.mark.rows("XV-03"),
            id="no SAN",
        ),
        pytest.param(
            "X509-SVID 5.2",
            "a leaf must not have cA set",
            {"ca": True},
            marks=pytest.mark.rows("XV-04"),
            id="cA",
        ),
        pytest.param(
            "X509-SVID 5.2",
            "a leaf must not have keyCertSign or cRLSign",
            {"usage": ["digital_signature", "key_cert_sign"]},
            marks=pytest.mark.rows("XV-05"),
            id="keyCertSign",
        ),
        pytest.param(
            "X509-SVID 5.2",
            "a leaf must not have keyCertSign or cRLSign",
            {"usage": ["digital_signature", "crl_sign"]},
            marks=pytest.mark.rows("XV-06"),
            id="cRLSign",
        ),
        pytest.param(
            "X509-SVID 5.2",
            "scheme is not spiffe://",
            {"uris": ["https://td.example/a"]},
            marks=pytest.mark.rows("XV-07"),
            id="https",
        ),
        pytest.param(
            "X509-SVID 5.2",
            "a leaf's SPIFFE ID needs a path: spiffe://td.example",
            {"uris": ["spiffe://td.example"]},
            marks=pytest.mark.rows("XV-08"),
            id="no path",
        ),
        pytest.param(
            "X509-SVID 5.2",
            "bad path segment",
            {"uris": ["spiffe://td.example/a%2fb"]},
            marks=pytest.mark.rows("XV-10"),
            id="percent-encoding",
        ),
        pytest.param(
            "X509-SVID 5.2",
            "trailing slash",
            {"uris": ["spiffe://td.example/a/"]},
            marks=pytest.mark.rows("XV-10"),
            id="trailing slash",
        ),
        pytest.param(
            "X509-SVID 4.3",
            "a leaf must have key usage digitalSignature",
            {"usage": None},
            marks=pytest.mark.rows("XV-12"),
            id="no key usage",
        ),
        pytest.param(
            "X509-SVID 4.3",
            "a leaf must have key usage digitalSignature",
            {"usage": ["key_agreement"]},
            marks=pytest.mark.rows("XV-12"),
            id="no digitalSignature",
        ),
    ],
)
def test_a_certificate_that_breaks_a_rule_for_leaves_is_refused(
    rule: str, reason: str, defects: dict[str, Any]
) -> None:
    with pytest.raises(X509SvidError, match=reason) as caught:
        check_leaf(CA.issue(**defects).leaf)
    assert caught.value.rule == rule


@pytest.mark.rows("XV-13", "XI-28")
def test_the_identity_is_read_from_the_uri_alone() -> None:
    plain = CA.issue(A).leaf
    titled = CA.issue(A, subject="spiffe://td.example/admin", dns_names=["admin.example"]).leaf
    assert check_leaf(titled) == check_leaf(plain)


def test_a_leaf_may_lack_basic_constraints_and_extended_key_usage() -> None:
    assert str(check_leaf(CA.issue(A, ca=None, purposes=None).leaf)) == A


@pytest.mark.rows("XV-18")
@pytest.mark.parametrize(
    "defects",
    [{"ca": False}, {"ca": None}, {"usage": None}, {"usage": ["crl_sign", "digital_signature"]}],
)
def test_a_signing_certificate_needs_both_ca_and_key_cert_sign(defects: dict[str, Any]) -> None:
    assert is_signing(CA.certificate)
    assert not is_signing(TestCa(**defects).certificate)


def _damaged(certificate: x509.Certificate, old: bytes, new: bytes) -> x509.Certificate:
    der = certificate.public_bytes(Encoding.DER)
    assert der.count(old) == 1
    return x509.load_der_x509_certificate(der.replace(old, new))


def test_extensions_that_cannot_be_read_are_refused() -> None:
    # An IA5String with its high bit set: cryptography notices when the name is asked for.
    damaged = _damaged(CA.issue(A).leaf, A.encode(), A.encode()[:-1] + b"\xe9")
    with pytest.raises(X509SvidError, match="extensions cannot be read"):
        uri_names(damaged)


def test_an_extension_that_stands_twice_is_refused() -> None:
    # Key usage 2.5.29.15 becomes a second basic constraints 2.5.29.19.
    damaged = _damaged(CA.issue(A).leaf, b"\x55\x1d\x0f", b"\x55\x1d\x13")
    with pytest.raises(X509SvidError, match="extensions cannot be read: Duplicate"):
        check_leaf(damaged)


def test_a_name_that_cannot_be_read_is_refused() -> None:
    # A UTF8String that is not UTF-8.
    name = CA.certificate.subject.rfc4514_string().removeprefix("CN=").encode()
    damaged = _damaged(CA.issue(A).leaf, name, b"\xff" + name[1:])
    with pytest.raises(X509SvidError, match="a name cannot be read"):
        follows(CA.certificate, damaged)


def test_a_missing_extension_is_none() -> None:
    assert find_extension(CA.issue(A).leaf, x509.NameConstraints) is None


def test_a_public_key_that_cannot_be_read_is_refused() -> None:
    # The curve secp256r1 becomes one that nobody has defined.
    issued = CA.issue(A)
    assert public_key_of(issued.leaf) == issued.key.public_key()
    curve = bytes.fromhex("06082a8648ce3d030107")
    damaged = _damaged(issued.leaf, curve, curve[:-1] + b"\x7f")
    with pytest.raises(X509SvidError, match="public key cannot be read"):
        public_key_of(damaged)
