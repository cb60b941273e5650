"""Whose roots are asked, and what is one."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography import x509
from support.ca import TestCa
from support.x509_checks import CA, TD, A, verify

from accredit.identity.bundle import TrustBundle, parse_bundle
from accredit.identity.errors import X509SvidError


def _bundle(*roots: x509.Certificate) -> TrustBundle:
    return TrustBundle(TD, roots)


@pytest.mark.rows("XV-18")
@pytest.mark.parametrize("defects", [{"ca": False}, {"usage": ["crl_sign"]}, {"usage": None}])
def test_a_root_that_may_not_sign_is_no_root(defects: dict[str, Any]) -> None:
    ca = TestCa(**defects)
    with pytest.raises(X509SvidError, match=r"no X\.509 authority of td\.example is known"):
        verify(ca.issue(A).chain, ca.bundle())
    chain = ca.issue(A).chain
    with pytest.raises(X509SvidError, match="candidates exhausted"):
        verify(chain, _bundle(ca.root, CA.root))


@pytest.mark.rows("XV-14")
def test_a_leaf_is_not_trusted_for_standing_in_the_bundle() -> None:
    issued = TestCa().issue(A)
    with pytest.raises(X509SvidError, match="candidates exhausted"):
        verify(issued.chain, _bundle(issued.leaf, CA.root))
    with pytest.raises(X509SvidError, match=r"no X\.509 authority"):
        verify(issued.chain, _bundle(issued.leaf))


@pytest.mark.rows("XV-14")
def test_a_root_that_the_peer_sends_counts_for_nothing() -> None:
    stranger = TestCa()
    with pytest.raises(X509SvidError, match="candidates exhausted"):
        verify((*stranger.issue(A).chain, stranger.root), CA.bundle())


@pytest.mark.rows("XV-09", "SV-07", "BP-11")
def test_an_authority_of_another_trust_domain_is_never_asked() -> None:
    other = TestCa("b.example")
    forged = other.issue(A)  # names td.example, signed in b.example
    with pytest.raises(X509SvidError, match="candidates exhausted"):
        verify(forged.chain, CA.bundle(), other.bundle())
    own = other.issue("spiffe://b.example/x")
    assert str(verify(own.chain, CA.bundle(), other.bundle())) == "spiffe://b.example/x"


@pytest.mark.rows("XV-15")
def test_without_a_bundle_of_its_trust_domain_a_leaf_is_untrusted() -> None:
    issued = CA.issue("spiffe://c.example/x")
    with pytest.raises(X509SvidError, match=r"no X\.509 authority of c\.example") as caught:
        verify(issued.chain, CA.bundle())
    assert caught.value.rule == "Workload API 4.6"


@pytest.mark.rows("XV-16", "BP-09")
@pytest.mark.parametrize("document", [b'{"keys": []}', b'{"keys": [{"kty": "EC", "use": "sig"}]}'])
def test_a_bundle_without_a_usable_key_ends_the_trust_of_a_moment_ago(document: bytes) -> None:
    issued = CA.issue(A)
    assert verify(issued.chain, CA.bundle()) == A
    with pytest.raises(X509SvidError, match=r"no X\.509 authority of td\.example is known"):
        verify(issued.chain, parse_bundle(TD, document).bundle)


@pytest.mark.rows("XV-20")
def test_a_root_whose_id_has_a_path_still_signs() -> None:
    ca = TestCa(uris=["spiffe://td.example/x"])
    assert verify(ca.issue(A).chain, ca.bundle()) == A


def test_of_two_roots_with_one_name_the_right_one_is_found() -> None:
    first, second = TestCa(subject="root"), TestCa(subject="root")
    for ca in (first, second):
        assert verify(ca.issue(A).chain, _bundle(first.root, second.root)) == A
