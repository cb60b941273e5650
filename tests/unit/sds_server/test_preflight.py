from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from support.ca import TestCa
from support.certificate import LEAF
from support.clock import EPOCH

from accredit.identity.bundle import TrustBundle
from accredit.identity.errors import JwtSvidError, X509SvidError
from accredit.identity.jwt_svid import JwtSvid, sign_jwt_svid
from accredit.identity.keys import KeyType, generate
from accredit.identity.spiffe_id import SpiffeId
from accredit.identity.x509_svid import X509Svid
from accredit.sds_server.preflight import check_certificate, check_token

CA = TestCa()
OTHER = TestCa()
MIDDLE = CA.intermediate()
LATER = timedelta(hours=2)


def changed(svid: X509Svid, **fields: object) -> X509Svid:
    """Return ``svid`` with fields that its constructor would never have let through."""
    broken = object.__new__(X509Svid)
    values = {"spiffe_id": svid.spiffe_id, "chain": svid.chain, "key": svid.key}
    for name, value in {**values, **fields}.items():
        object.__setattr__(broken, name, value)
    return broken


@pytest.mark.parametrize("kind", KeyType)
def test_a_good_svid_passes(kind: KeyType) -> None:
    check_certificate(CA.svid(kind=kind), CA.bundle(), EPOCH)


def test_a_good_svid_under_an_intermediate_passes() -> None:
    check_certificate(MIDDLE.svid(), CA.bundle(), EPOCH)


def test_it_passes_through_a_root_rotation() -> None:
    both = TrustBundle(CA.trust_domain, (OTHER.root, CA.root))
    check_certificate(CA.svid(), both, EPOCH)
    check_certificate(OTHER.svid(), both, EPOCH)


def test_an_expired_leaf_is_refused() -> None:
    with pytest.raises(X509SvidError, match="not valid at validation time"):
        check_certificate(CA.svid(), CA.bundle(), EPOCH + LATER)


def test_a_leaf_that_is_not_valid_yet_is_refused() -> None:
    with pytest.raises(X509SvidError, match="not valid at validation time"):
        check_certificate(CA.svid(), CA.bundle(), EPOCH - LATER)


def test_a_chain_that_leads_to_no_root_of_the_bundle_is_refused() -> None:
    with pytest.raises(X509SvidError, match="candidates exhausted"):
        check_certificate(OTHER.svid(), CA.bundle(), EPOCH)


def test_a_chain_without_its_intermediate_is_refused() -> None:
    svid = MIDDLE.svid()
    with pytest.raises(X509SvidError, match="candidates exhausted"):
        check_certificate(changed(svid, chain=svid.chain[:1]), CA.bundle(), EPOCH)


def test_an_intermediate_is_no_anchor_because_envoy_knows_no_partial_chains() -> None:
    partial = TrustBundle(CA.trust_domain, (MIDDLE.certificate,))
    with pytest.raises(X509SvidError, match=r"no X.509 authority of td.example is known"):
        check_certificate(MIDDLE.svid(), partial, EPOCH)


def test_a_key_that_does_not_fit_is_refused() -> None:
    with pytest.raises(X509SvidError, match="the private key does not fit the leaf"):
        check_certificate(changed(CA.svid(), key=generate(KeyType.EC_P256)), CA.bundle(), EPOCH)


def test_an_authority_before_the_leaf_is_refused() -> None:
    svid = MIDDLE.svid()
    with pytest.raises(X509SvidError, match=r"not a valid X.509-SVID"):
        check_certificate(changed(svid, chain=svid.chain[::-1]), CA.bundle(), EPOCH)


def test_a_leaf_that_names_another_id_is_refused() -> None:
    other = SpiffeId.parse("spiffe://td.example/b")
    with pytest.raises(X509SvidError, match=r"the leaf names spiffe://td.example/a, not"):
        check_certificate(changed(CA.svid(), spiffe_id=other), CA.bundle(), EPOCH)


@pytest.mark.parametrize(
    ("defects", "reason"),
    [
        ({"usage": None}, "must have key usage digitalSignature"),
        ({"uris": ["spiffe://td.example"]}, "needs a path"),
        ({"uris": ["spiffe://td.example/a", "spiffe://td.example/b"]}, "exactly one URI SAN"),
        ({"uris": []}, "exactly one URI SAN"),
        ({"ca": True}, "must not have cA set"),
    ],
)
def test_a_leaf_that_is_no_svid_is_refused(defects: dict[str, Any], reason: str) -> None:
    chain, key = CA.issue(**defects)
    with pytest.raises(X509SvidError, match=reason):
        check_certificate(changed(CA.svid(), chain=chain, key=key), CA.bundle(), EPOCH)


@pytest.mark.parametrize("key", ["p521", "rsa1024"])
def test_a_key_that_envoy_does_not_take_is_refused(key: str) -> None:
    made = (
        ec.generate_private_key(ec.SECP521R1())
        if key == "p521"
        else rsa.generate_private_key(65537, 1024)
    )
    template = replace(LEAF, uris=["spiffe://td.example/a"])
    leaf = template.sign(made.public_key(), CA.certificate.subject, CA.key)
    with pytest.raises(X509SvidError, match="Envoy takes P-256, P-384 and RSA of 2048"):
        check_certificate(changed(CA.svid(), chain=(leaf,), key=made), CA.bundle(), EPOCH)


MINUTE = timedelta(minutes=1)
TOKEN = sign_jwt_svid(
    SpiffeId.parse("spiffe://td.example/a"),
    ["api"],
    key=generate(KeyType.EC_P256),
    kid="k",
    now=EPOCH,
    lifetime=MINUTE,
)


def test_a_good_token_passes_until_it_ends() -> None:
    check_token(TOKEN, "api", EPOCH)
    check_token(TOKEN, "api", EPOCH + MINUTE - timedelta(milliseconds=1))
    with pytest.raises(JwtSvidError, match="it has ended"):
        check_token(TOKEN, "api", EPOCH + MINUTE)


@pytest.mark.parametrize(
    ("token", "audience", "reason"),
    [
        (TOKEN, "another", "another subject or another audience"),
        (
            replace(TOKEN, spiffe_id=SpiffeId.parse("spiffe://td.example/b")),
            "api",
            "another subject",
        ),
        (replace(TOKEN, expires_at=EPOCH + 2 * MINUTE), "api", "says another end"),
        (replace(TOKEN, token="a.b"), "api", "not a signed token"),
        (replace(TOKEN, token=TOKEN.token.split(".")[0] + ".bm8.YQ"), "api", "cannot be read"),
    ],
)
def test_a_token_that_says_something_else_is_refused(
    token: JwtSvid, audience: str, reason: str
) -> None:
    with pytest.raises(JwtSvidError, match=reason) as caught:
        check_token(token, audience, EPOCH)
    assert "eyJ" not in str(caught.value)
