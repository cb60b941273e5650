"""Whose key signed, and how."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import ec
from support.ca import TestCa
from support.jwt_checks import AUTHORITY, BUNDLES, KEY, TD, TOKEN, A, B, refused, validate
from support.token import decode, part

from accredit.identity.bundle import JwtAuthority, TrustBundle, encode_bundle, parse_bundle
from accredit.identity.keys import KeyType, generate, spki_der
from accredit.identity.spiffe_id import TrustDomain


@pytest.mark.rows("JV-01", "JV-02")
def test_our_public_key_is_nobodys_shared_secret() -> None:
    signed = f"{part({'alg': 'HS256', 'kid': 'kid'})}.{part(TOKEN._claims())}"
    for secret in (spki_der(KEY.public_key()), b"kid"):
        mac = hmac.HMAC(secret, hashes.SHA256())
        mac.update(signed.encode())
        rule = refused(f"{signed}.{part(mac.finalize())}", "alg 'HS256' is not allowed")
        assert rule == "JWT-SVID 2.1"


@pytest.mark.rows("JV-02")
def test_no_key_is_looked_up_for_a_forbidden_algorithm() -> None:
    class NoLookup(dict[TrustDomain, TrustBundle]):
        def get(self, *_: object) -> None:  # type: ignore[override]
            raise AssertionError("a bundle was looked up")

    refused(TOKEN.but(header={"alg": "none"}), "alg 'none' is not allowed", bundles=NoLookup())


@pytest.mark.rows("JV-11", "BP-11", "SV-07")
def test_the_keys_are_those_of_the_subjects_trust_domain_whatever_kid_says() -> None:
    key = TestCa("b.example").jwt_key.public_key()
    token = TOKEN.but(claims={"sub": "spiffe://b.example/x"})
    for kid, reason in {"kid": "does not verify", "other": "fits alg and kid"}.items():
        others = TrustBundle(B, jwt_authorities=(JwtAuthority(kid, key),))
        for bundles in ({**BUNDLES, B: others}, {B: others, **BUNDLES}):
            assert refused(token, reason, bundles=bundles) == "JWT-SVID 4"
            refused(token.but(header={}), "does not verify", bundles=bundles)


@pytest.mark.rows("JV-12", "BP-10")
@pytest.mark.parametrize("use", ["wit-svid", "x509-svid", "sig", None])
def test_a_key_of_another_use_signs_no_tokens(use: str | None) -> None:
    ca = TestCa()
    document = json.loads(encode_bundle(ca.bundle()))
    own_key = {**document["keys"][1], "use": use, "kid": "kid"}
    own_key["x5c"] = document["keys"][0]["x5c"]
    document["keys"].append(own_key)
    bundle = parse_bundle(TD, json.dumps(document).encode()).bundle
    refused(TOKEN.but(key=ca.jwt_key), "no key of the subject's trust domain", bundles={TD: bundle})
    refused(TOKEN.but(key=ca.key, header={}), "signature does not verify", bundles={TD: bundle})


@pytest.mark.rows("JV-13", "JV-23", "BP-08")
@pytest.mark.parametrize(
    "bundles", [{}, {TD: TrustBundle(TD)}, {TD: TrustBundle(TD, (TestCa().root,))}]
)
def test_without_jwt_keys_of_its_trust_domain_a_token_is_untrusted(
    bundles: Mapping[TrustDomain, TrustBundle],
) -> None:
    reason = "no JWT keys of the subject's trust domain"
    assert refused(TOKEN, reason, bundles=bundles) == "Workload API 6.3"


@pytest.mark.rows("JV-15")
def test_a_token_without_kid_is_tried_with_the_keys_that_fit() -> None:
    strangers = [
        JwtAuthority(f"{kind}-{number}", generate(kind).public_key())
        for kind in (KeyType.EC_P384, KeyType.EC_P256)
        for number in range(15)
    ]
    bundle = TrustBundle(TD, jwt_authorities=(*strangers, AUTHORITY))
    assert validate(TOKEN.but(header={}), bundles={TD: bundle}).spiffe_id == A


def test_a_token_without_kid_is_tried_with_sixteen_keys_at_most() -> None:
    keys = [generate(KeyType.EC_P256).public_key() for _ in range(16)]
    strangers = [JwtAuthority(str(number), key) for number, key in enumerate(keys)]
    bundle = TrustBundle(TD, jwt_authorities=(*strangers, AUTHORITY))
    refused(TOKEN.but(header={}), "signature does not verify", bundles={TD: bundle})
    assert validate(TOKEN, bundles={TD: bundle}).spiffe_id == A


def test_a_kid_that_nobody_published_is_refused() -> None:
    refused(TOKEN.but(header={"kid": "other"}), "no key of the subject's trust domain fits")


@pytest.mark.rows("JV-16", "SV-05")
def test_one_changed_byte_is_noticed() -> None:
    header, payload, signature = str(TOKEN).split(".")
    forged = part(decode(payload).replace(b"td.example/a", b"td.example/b"))
    refused(f"{header}.{forged}.{signature}", "signature does not verify")
    spaced = part(decode(payload).replace(b'"sub":', b'"sub" :'))
    refused(f"{header}.{spaced}.{signature}", "signature does not verify")


@pytest.mark.rows("JV-16")
def test_a_signature_in_der_or_of_another_width_is_refused() -> None:
    signed, _, signature = str(TOKEN).rpartition(".")
    assert isinstance(KEY, ec.EllipticCurvePrivateKey)
    der = KEY.sign(signed.encode(), ec.ECDSA(hashes.SHA256()))
    raw = decode(signature)
    for wrong in (der, raw[:-1], raw[1:], raw + b"\0", b"\0" + raw, bytes(64), b"\xff" * 64):
        refused(f"{signed}.{part(wrong)}", "signature does not verify")


@pytest.mark.rows("JV-19")
@pytest.mark.parametrize(("kind", "alg"), [(KeyType.EC_P384, "ES256"), (KeyType.EC_P256, "RS256")])
def test_an_algorithm_that_does_not_fit_the_key_is_refused(kind: KeyType, alg: str) -> None:
    key = generate(kind)
    bundle = TrustBundle(TD, jwt_authorities=(JwtAuthority("kid", key.public_key()),))
    refused(TOKEN.but(key=key, alg=alg), "fits alg and kid", bundles={TD: bundle})


@pytest.mark.rows("JV-21")
def test_a_key_in_the_header_is_never_used() -> None:
    attacker = generate(KeyType.EC_P256)
    numbers = attacker.public_key().public_numbers()
    assert isinstance(numbers, ec.EllipticCurvePublicNumbers)
    jwk = {"kty": "EC", "crv": "P-256", "x": part(numbers.x.to_bytes(32, "big"))}
    jwk["y"] = part(numbers.y.to_bytes(32, "big"))
    refused(TOKEN.but(key=attacker, header={"jwk": jwk}), "header jwk is not allowed")
    refused(TOKEN.but(key=attacker), "signature does not verify")
