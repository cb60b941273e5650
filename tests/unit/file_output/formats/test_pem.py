from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypedDict

import pytest
from cryptography import x509
from support import openssl
from support.ca import TestCa
from support.clock import EPOCH

from accredit.file_output.formats import pem
from accredit.identity.bundle import TrustBundle
from accredit.identity.errors import BundleError
from accredit.identity.keys import KeyType, generate, load_pkcs8
from accredit.identity.spiffe_id import SpiffeId
from accredit.identity.x509_issue import build_leaf, build_root
from accredit.identity.x509_svid import X509Svid

CA = TestCa()
MIDDLE = CA.intermediate()


class _Times(TypedDict):
    not_before: datetime
    not_after: datetime


def issued(kind: KeyType) -> tuple[X509Svid, TrustBundle]:
    """Return an SVID as our own authority signs it."""
    times = _Times(not_before=EPOCH, not_after=EPOCH + timedelta(hours=1))
    root_key, key = generate(kind), generate(kind)
    spiffe_id = SpiffeId.parse("spiffe://td.example/a")
    root = build_root(spiffe_id.trust_domain, root_key, **times)
    leaf = build_leaf(spiffe_id, key.public_key(), issuer=root, issuer_key=root_key, **times)
    return X509Svid(spiffe_id, (leaf,), key), TrustBundle(spiffe_id.trust_domain, (root,))


@pytest.mark.parametrize("kind", [KeyType.EC_P256, KeyType.RSA_2048])
@pytest.mark.parametrize("purpose", ["sslclient", "sslserver"])
def test_openssl_verifies_what_was_written(kind: KeyType, purpose: str) -> None:
    svid, bundle = issued(kind)
    chain = x509.load_pem_x509_certificates(pem.certificate(svid).data)
    roots = x509.load_pem_x509_certificates(pem.bundle(bundle).data)
    assert openssl.verifies(chain, roots, EPOCH, purpose=purpose)


def test_the_intermediates_follow_the_leaf_and_no_root_does() -> None:
    svid = MIDDLE.svid()
    chain = x509.load_pem_x509_certificates(pem.certificate(svid).data)
    assert chain == [svid.leaf, MIDDLE.certificate]


def test_the_key_is_that_of_the_leaf() -> None:
    svid = CA.svid()
    assert load_pkcs8(pem.key(svid).data).public_key() == svid.leaf.public_key()


def test_one_file_can_hold_chain_and_key_leaf_first() -> None:
    svid = MIDDLE.svid()
    both = pem.combined(svid).data
    assert x509.load_pem_x509_certificates(both) == list(svid.chain)
    assert both.endswith(svid.key_pem)


def test_a_bundle_without_an_authority_that_may_sign_is_refused() -> None:
    for authorities in ((), (CA.svid().leaf,)):
        with pytest.raises(BundleError, match=r"no X\.509 authority of td\.example is known"):
            pem.bundle(TrustBundle(CA.trust_domain, authorities))


def test_an_intermediate_may_be_an_authority() -> None:
    assert pem.authorities(TrustBundle(CA.trust_domain, (MIDDLE.certificate,)))


def test_revocation_lists_are_a_file_and_an_empty_one_is_never_written() -> None:
    ca = TestCa()
    bundle = replace(ca.bundle(), crls=(ca.crl(7), ca.crl()))
    assert pem.crl(bundle).data == bundle.crl_pem
    with pytest.raises(BundleError, match=r"needs authority\.embedded\.always_crl: true"):
        pem.crl(ca.bundle())
