"""Bundles as operators bring them."""

from __future__ import annotations

import pytest
from support.ca import TestCa

from accredit.authority.federation.bundle_file import parse_bundle_file, require_meant
from accredit.identity.bundle import encode_bundle
from accredit.identity.bundle_map import encode_bundle_map
from accredit.identity.errors import BundleError
from accredit.identity.spiffe_id import TrustDomain

_A, _B = TestCa("a.example"), TestCa("b.example")
_NAME = TrustDomain("a.example")


@pytest.mark.parametrize(
    "data",
    [
        encode_bundle(_A.bundle()),
        encode_bundle_map([_B.bundle(), _A.bundle()]),
        b"subject=/O=a comment\n" + _A.bundle().x509_pem,
    ],
)
def test_a_document_a_map_and_pem_are_read(data: bytes) -> None:
    parsed = parse_bundle_file(_NAME, data)
    assert parsed.bundle.x509_authorities == (_A.root,)
    assert not parsed.warnings
    require_meant(parsed)


def test_a_map_without_the_trust_domain_gives_none_of_another() -> None:
    with pytest.raises(BundleError, match=r"the map holds no bundle of a\.example"):
        parse_bundle_file(_NAME, encode_bundle_map([_B.bundle()]))


@pytest.mark.parametrize("data", [b"", b"x", b"[]", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_garbage_is_refused(data: bytes) -> None:
    with pytest.raises(BundleError, match=r"not JSON|not an object|cannot be read"):
        parse_bundle_file(_NAME, data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"keys": []}', "no key in it can be used: it is empty"),
        (b'{"keys": [{}]}', r"no key in it can be used: keys\[0\] ignored: use is missing"),
        (encode_bundle(_B.bundle()), r"a root of 'spiffe://b\.example', not of spiffe://a\."),
        (_B.bundle().x509_pem, r"a root of 'spiffe://b\.example', not of spiffe://a\.example"),
    ],
)
def test_what_an_operator_cannot_mean_is_told(data: bytes, reason: str) -> None:
    with pytest.raises(BundleError, match=reason):
        require_meant(parse_bundle_file(_NAME, data))


def test_roots_without_an_id_may_be_anybodys() -> None:
    require_meant(parse_bundle_file(_NAME, TestCa("a.example", uris=()).bundle().x509_pem))
