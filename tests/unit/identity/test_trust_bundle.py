from __future__ import annotations

import json
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from support.ca import TestCa

from accredit.identity.bundle import JwtAuthority, TrustBundle
from accredit.identity.errors import BundleError
from accredit.identity.jwk import from_jwk, to_jwk
from accredit.identity.keys import KeyType, generate
from accredit.identity.spiffe_id import TrustDomain
from accredit.identity.x509_verify import split_der

TD = TrustDomain("td.example")
ONE, TWO = TestCa(), TestCa()


def _copy(authority: JwtAuthority) -> JwtAuthority:
    return JwtAuthority(authority.key_id, from_jwk(to_jwk(authority.public_key)))


def test_bundles_are_equal_by_content() -> None:
    bundle = TrustBundle(TD, (ONE.root,), (ONE.jwt_authority,), 5, timedelta(minutes=5))
    (root,) = split_der(bundle.x509_der)
    again = TrustBundle(TD, (root,), (_copy(ONE.jwt_authority),), 5, timedelta(minutes=5))
    assert again == bundle
    assert hash(again) == hash(bundle)


@pytest.mark.parametrize(
    "other",
    [
        TrustBundle(TrustDomain("b.example"), (ONE.root,), (ONE.jwt_authority,), 5),
        TrustBundle(TD, (TWO.root,), (ONE.jwt_authority,), 5),
        TrustBundle(TD, (ONE.root,), (TWO.jwt_authority,), 5),
        TrustBundle(TD, (ONE.root,), (ONE.jwt_authority,), 6),
        TrustBundle(TD, (ONE.root,), (ONE.jwt_authority,), 5, timedelta(minutes=5)),
        TrustBundle(TD, (ONE.root,), (JwtAuthority("x", ONE.jwt_authority.public_key),), 5),
    ],
)
def test_bundles_that_differ_in_anything_are_not_equal(other: TrustBundle) -> None:
    assert other != TrustBundle(TD, (ONE.root,), (ONE.jwt_authority,), 5)


def test_authorities_given_twice_are_kept_once_and_in_order() -> None:
    bundle = TrustBundle(
        TD,
        (TWO.root, ONE.root, TWO.root),
        (TWO.jwt_authority, ONE.jwt_authority, _copy(TWO.jwt_authority)),
    )
    assert bundle.x509_authorities == (TWO.root, ONE.root)
    assert bundle.jwt_authorities == (TWO.jwt_authority, ONE.jwt_authority)


def test_the_encodings_hold_every_authority_and_are_computed_once() -> None:
    bundle = TrustBundle(TD, (ONE.root, TWO.root), (ONE.jwt_authority,))
    assert split_der(bundle.x509_der) == (ONE.root, TWO.root)
    assert bundle.x509_pem.count(b"BEGIN CERTIFICATE") == 2
    for name in ("x509_der", "x509_pem", "jwks"):
        assert getattr(bundle, name) is getattr(bundle, name)


def test_a_bundle_without_authorities_has_empty_encodings() -> None:
    bundle = TrustBundle(TD)
    assert (bundle.x509_der, bundle.x509_pem, bundle.jwks) == (b"", b"", b'{"keys":[]}')


@pytest.mark.rows("JB-02", "JB-03", "JB-11")
def test_the_jwk_set_holds_jwt_keys_alone_with_kid_and_without_use() -> None:
    bundle = TrustBundle(TD, (ONE.root,), (ONE.jwt_authority, TWO.jwt_authority))
    (one, two) = json.loads(bundle.jwks)["keys"]
    assert set(one) == {"kty", "kid", "crv", "x", "y"}
    assert (one["kid"], two["kid"]) == (ONE.jwt_authority.key_id, TWO.jwt_authority.key_id)
    assert from_jwk(one) == ONE.jwt_authority.public_key


def test_two_different_keys_do_not_share_a_kid() -> None:
    other = JwtAuthority(ONE.jwt_authority.key_id, TWO.jwt_authority.public_key)
    with pytest.raises(BundleError, match=r"two different keys share a kid \(JWT-SVID 6.1\)"):
        TrustBundle(TD, jwt_authorities=(ONE.jwt_authority, other))


@pytest.mark.parametrize("kid", ["", "x" * 1025])
def test_a_kid_is_neither_empty_nor_endless(kid: str) -> None:
    with pytest.raises(BundleError, match="kid is empty or too long"):
        JwtAuthority(kid, ONE.jwt_authority.public_key)


def test_a_jwt_key_of_an_unsupported_kind_is_refused() -> None:
    key = ec.generate_private_key(ec.SECP256K1()).public_key()
    with pytest.raises(BundleError, match=r"the key is of an unsupported kind \(JWT-SVID 2.1\)"):
        JwtAuthority("kid", key)


@pytest.mark.rows("BE-06")
@pytest.mark.parametrize("hint", [timedelta(seconds=-1), timedelta(milliseconds=1500)])
def test_a_refresh_hint_is_a_whole_number_of_seconds(hint: timedelta) -> None:
    with pytest.raises(BundleError, match="the refresh hint is no whole second"):
        TrustBundle(TD, refresh_hint=hint)


def test_a_sequence_is_not_negative() -> None:
    with pytest.raises(BundleError, match="the sequence is negative"):
        TrustBundle(TD, sequence=-1)


def test_a_jwt_authority_equals_its_copy_and_nothing_else() -> None:
    assert _copy(ONE.jwt_authority) == ONE.jwt_authority
    assert hash(_copy(ONE.jwt_authority)) == hash(ONE.jwt_authority)
    key = generate(KeyType.EC_P256).public_key()
    assert JwtAuthority(ONE.jwt_authority.key_id, key) != ONE.jwt_authority
    assert ONE.jwt_authority != "kid"
