"""Who is accepted, and as whom."""

from __future__ import annotations

import pytest
from support.ca import TestCa
from support.x509_checks import CA, A, verify

from accredit.identity.errors import X509SvidError
from accredit.identity.keys import KeyType


@pytest.mark.rows("SV-07")
@pytest.mark.parametrize("kind", list(KeyType))
def test_a_leaf_signed_by_an_authority_of_its_trust_domain_is_accepted(kind: KeyType) -> None:
    ca = TestCa(kind=kind)
    assert verify(ca.issue(A).chain, ca.bundle()) == A


@pytest.mark.rows("XV-14", "XV-19")
def test_intermediates_that_the_peer_sends_are_used_with_or_without_an_id() -> None:
    chain = CA.intermediate(uris=[]).intermediate().issue(A).chain
    assert verify(chain, CA.bundle()) == A
    assert verify((chain[0], *reversed(chain[1:])), CA.bundle()) == A
    anonymous = TestCa(uris=[])
    assert verify(anonymous.issue(A).chain, anonymous.bundle()) == A


@pytest.mark.rows("XV-11", "XI-22")
def test_a_signing_certificate_authenticates_nobody() -> None:
    with pytest.raises(X509SvidError, match="a leaf's SPIFFE ID needs a path"):
        verify([CA.certificate], CA.bundle())
    ca = TestCa(uris=[str(A)])
    with pytest.raises(X509SvidError, match="a leaf must not have cA set"):
        verify([ca.certificate], ca.bundle())


@pytest.mark.rows("XV-13", "XI-28")
def test_two_leaves_of_one_id_are_one_identity_whatever_their_subject() -> None:
    titled = CA.issue(A, subject="admin", dns_names=["admin.example"])
    assert verify(titled.chain, CA.bundle()) == verify(CA.issue(A).chain, CA.bundle()) == A


def test_a_leaf_without_extended_key_usage_is_accepted() -> None:
    assert verify(CA.issue(A, purposes=None).chain, CA.bundle()) == A
