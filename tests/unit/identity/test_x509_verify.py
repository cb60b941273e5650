from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from support.ca import TestCa
from support.certificate import AUTHORITY, common_name
from support.clock import EPOCH

from accredit.identity.bundle import TrustBundle, parse_bundle
from accredit.identity.errors import X509SvidError
from accredit.identity.keys import KeyType
from accredit.identity.spiffe_id import SpiffeId, TrustDomain
from accredit.identity.x509_verify import split_der, verify_x509_svid

A = SpiffeId.parse("spiffe://td.example/a")
TD = A.trust_domain
B = TrustDomain("b.example")
HOUR = timedelta(hours=1)
CA = TestCa()


def _verify(
    chain: Sequence[x509.Certificate], *bundles: TrustBundle, now: datetime = EPOCH
) -> SpiffeId:
    return verify_x509_svid(chain, {bundle.trust_domain: bundle for bundle in bundles}, now)


def _bundle(*roots: x509.Certificate) -> TrustBundle:
    return TrustBundle(TD, roots)


@pytest.mark.rows("SV-07")
@pytest.mark.parametrize("kind", list(KeyType))
def test_a_leaf_signed_by_an_authority_of_its_trust_domain_is_accepted(kind: KeyType) -> None:
    ca = TestCa(kind=kind)
    assert _verify(ca.issue(A).chain, ca.bundle()) == A


@pytest.mark.rows("XV-14", "XV-19")
def test_intermediates_that_the_peer_sends_are_used_with_or_without_an_id() -> None:
    chain = CA.intermediate(uris=[]).intermediate().issue(A).chain
    assert _verify(chain, CA.bundle()) == A
    assert _verify((chain[0], *reversed(chain[1:])), CA.bundle()) == A
    anonymous = TestCa(uris=[])
    assert _verify(anonymous.issue(A).chain, anonymous.bundle()) == A


def _flip(certificate: x509.Certificate, old: bytes, new: bytes) -> x509.Certificate:
    der = certificate.public_bytes(Encoding.DER)
    assert der.count(old) == 1
    return x509.load_der_x509_certificate(der.replace(old, new))


@pytest.mark.rows("SV-05", "XV-01")
def test_an_id_that_was_changed_after_signing_is_refused() -> None:
    forged = _flip(CA.issue(A).leaf, b"td.example/a", b"td.example/b")
    with pytest.raises(X509SvidError, match="signature does not match"):
        _verify([forged], CA.bundle())


@pytest.mark.rows("SV-05", "XV-01")
def test_a_key_that_was_changed_after_signing_is_refused() -> None:
    mine, other = CA.issue(A), CA.issue(A)
    forged = _flip(mine.leaf, _point(mine.leaf), _point(other.leaf))
    with pytest.raises(X509SvidError, match="signature does not match"):
        _verify([forged], CA.bundle())


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
        _verify(ca.issue(A, **leaf).chain, ca.bundle())
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
        _verify(chain, root.bundle())


@pytest.mark.rows("XV-18")
@pytest.mark.parametrize("defects", [{"ca": False}, {"usage": ["crl_sign"]}, {"usage": None}])
def test_a_root_that_may_not_sign_is_no_root(defects: dict[str, Any]) -> None:
    ca = TestCa(**defects)
    with pytest.raises(X509SvidError, match=r"no X\.509 authority of td\.example is known"):
        _verify(ca.issue(A).chain, ca.bundle())
    chain = ca.issue(A).chain
    with pytest.raises(X509SvidError, match="candidates exhausted"):
        _verify(chain, _bundle(ca.root, CA.root))


@pytest.mark.rows("XV-14")
def test_a_leaf_is_not_trusted_for_standing_in_the_bundle() -> None:
    issued = TestCa().issue(A)
    with pytest.raises(X509SvidError, match="candidates exhausted"):
        _verify(issued.chain, _bundle(issued.leaf, CA.root))
    with pytest.raises(X509SvidError, match=r"no X\.509 authority"):
        _verify(issued.chain, _bundle(issued.leaf))


@pytest.mark.rows("XV-14")
def test_a_root_that_the_peer_sends_counts_for_nothing() -> None:
    stranger = TestCa()
    with pytest.raises(X509SvidError, match="candidates exhausted"):
        _verify((*stranger.issue(A).chain, stranger.root), CA.bundle())


@pytest.mark.rows("XV-09", "SV-07", "BP-11")
def test_an_authority_of_another_trust_domain_is_never_asked() -> None:
    other = TestCa("b.example")
    forged = other.issue(A)  # names td.example, signed in b.example
    with pytest.raises(X509SvidError, match="candidates exhausted"):
        _verify(forged.chain, CA.bundle(), other.bundle())
    own = other.issue("spiffe://b.example/x")
    assert str(_verify(own.chain, CA.bundle(), other.bundle())) == "spiffe://b.example/x"


@pytest.mark.rows("XV-15")
def test_without_a_bundle_of_its_trust_domain_a_leaf_is_untrusted() -> None:
    issued = CA.issue("spiffe://c.example/x")
    with pytest.raises(X509SvidError, match=r"no X\.509 authority of c\.example") as caught:
        _verify(issued.chain, CA.bundle())
    assert caught.value.rule == "Workload API 4.6"


@pytest.mark.rows("XV-16", "BP-09")
@pytest.mark.parametrize("document", [b'{"keys": []}', b'{"keys": [{"kty": "EC", "use": "sig"}]}'])
def test_a_bundle_without_a_usable_key_ends_the_trust_of_a_moment_ago(document: bytes) -> None:
    issued = CA.issue(A)
    assert _verify(issued.chain, CA.bundle()) == A
    with pytest.raises(X509SvidError, match=r"no X\.509 authority of td\.example is known"):
        _verify(issued.chain, parse_bundle(TD, document).bundle)


@pytest.mark.rows("XV-17")
@pytest.mark.parametrize("critical", [True, False])
def test_a_uri_name_constraint_is_refused_as_nobody_here_enforces_it(critical: bool) -> None:
    constrained: dict[str, Any] = {"extra": [(CONSTRAINT, critical)]}
    root = TestCa(**constrained)
    with pytest.raises(X509SvidError, match="unsupported name constraint"):
        _verify(root.issue(A).chain, root.bundle())
    with pytest.raises(X509SvidError, match="unsupported name constraint"):
        _verify(CA.intermediate(**constrained).issue(A).chain, CA.bundle())


@pytest.mark.rows("XV-11", "XI-22")
def test_a_signing_certificate_authenticates_nobody() -> None:
    with pytest.raises(X509SvidError, match="a leaf's SPIFFE ID needs a path"):
        _verify([CA.certificate], CA.bundle())
    ca = TestCa(uris=[str(A)])
    with pytest.raises(X509SvidError, match="a leaf must not have cA set"):
        _verify([ca.certificate], ca.bundle())


@pytest.mark.rows("XV-13", "XI-28")
def test_two_leaves_of_one_id_are_one_identity_whatever_their_subject() -> None:
    titled = CA.issue(A, subject="admin", dns_names=["admin.example"])
    assert _verify(titled.chain, CA.bundle()) == _verify(CA.issue(A).chain, CA.bundle()) == A


@pytest.mark.rows("XV-20")
def test_a_root_whose_id_has_a_path_still_signs() -> None:
    ca = TestCa(uris=["spiffe://td.example/x"])
    assert _verify(ca.issue(A).chain, ca.bundle()) == A


def test_a_leaf_without_extended_key_usage_is_accepted() -> None:
    assert _verify(CA.issue(A, purposes=None).chain, CA.bundle()) == A


def test_of_two_roots_with_one_name_the_right_one_is_found() -> None:
    first, second = TestCa(subject="root"), TestCa(subject="root")
    for ca in (first, second):
        assert _verify(ca.issue(A).chain, _bundle(first.root, second.root)) == A


@pytest.mark.parametrize("count", [0, 10])
def test_a_chain_has_one_leaf_and_at_most_eight_intermediates(count: int) -> None:
    reason = "the chain is empty" if count == 0 else "more than 8 intermediates"
    with pytest.raises(X509SvidError, match=reason):
        _verify([CA.issue(A).leaf] * count, CA.bundle())
    ca = CA
    for _ in range(8):
        ca = ca.intermediate()
    assert _verify(ca.issue(A).chain, CA.bundle()) == A


def test_intermediates_that_all_sign_each_other_do_not_keep_us_busy() -> None:
    loop = TestCa(subject="loop")
    public, name = loop.key.public_key(), common_name("loop")
    again = replace(AUTHORITY, subject="loop")
    same_key = [again.sign(public, name, loop.key) for _ in range(8)]
    with pytest.raises(X509SvidError, match="maximum signature check limit"):
        _verify([loop.issue(A).leaf, *same_key], CA.bundle())


@pytest.mark.parametrize("count", [0, 1, 2, 20])
def test_certificates_in_a_row_are_taken_apart(count: int) -> None:
    row = [CA.issue(A).leaf for _ in range(count)]
    data = b"".join(each.public_bytes(Encoding.DER) for each in row)
    assert list(split_der(data)) == row


DER = CA.certificate.public_bytes(Encoding.DER)


@pytest.mark.parametrize(
    "data",
    [
        DER[:-1],
        DER + b"\0",
        DER + DER[:1],
        DER[:1],
        DER[:2],
        DER[:3],
        b"\0" + DER,
        b"\0" * 100,
        b"\x30\x80\0\0",
        b"\x30\xff" + b"\xff" * 200,
        b"\x30\x84\xff\xff\xff\xff",
        b"\x31" + DER[1:],
        CA.certificate.public_bytes(Encoding.PEM),
        DER.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x01", 1),  # of version 2
    ],
    ids=[
        *("cut", "a byte more", "another begins", "1 byte", "2 bytes", "3 bytes", "a byte before"),
        *("zeros", "no end", "a length of lengths", "a length of 4 GiB", "a set", "PEM"),
        "version 2",
    ],
)
def test_anything_but_whole_certificates_is_refused(data: bytes) -> None:
    with pytest.raises(X509SvidError, match="not a certificate in DER"):
        split_der(data)


def _request() -> bytes:
    builder = x509.CertificateSigningRequestBuilder(common_name("a"))
    return builder.sign(CA.key, SHA256()).public_bytes(Encoding.DER)


def _revocations() -> bytes:
    builder = x509.CertificateRevocationListBuilder(common_name("a"), EPOCH, EPOCH + HOUR)
    return builder.sign(CA.key, SHA256()).public_bytes(Encoding.DER)


@pytest.mark.rows("SV-06")
@pytest.mark.parametrize("make", [_request, _revocations])
def test_a_signed_document_that_is_no_certificate_is_no_svid(make: Callable[[], bytes]) -> None:
    with pytest.raises(X509SvidError, match="not a certificate in DER"):
        split_der(make())


def test_endless_certificates_are_refused_unread() -> None:
    with pytest.raises(X509SvidError, match="more than 4194304 bytes"):
        split_der(bytes(4 * 1024 * 1024 + 1))
