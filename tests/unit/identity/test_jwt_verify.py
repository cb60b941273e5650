from __future__ import annotations

import json
from datetime import timedelta

import pytest
from support.ca import TestCa
from support.clock import EPOCH
from support.jwt_checks import NOW, TD, TOKEN, A, refused, validate

from accredit.identity.errors import JwtSvidError
from accredit.identity.jwt_svid import sign_jwt_svid
from accredit.identity.jwt_verify import lifetime
from accredit.identity.keys import KeyType, generate
from accredit.identity.spiffe_id import SpiffeId


def test_a_valid_token_gives_id_claims_and_end() -> None:
    validated = validate(TOKEN.but(claims={"https://td.example/role": "admin"}))
    assert validated.spiffe_id == A
    assert validated.expires_at == EPOCH + timedelta(minutes=5)
    assert dict(validated.claims) == {
        "sub": "spiffe://td.example/a",
        "aud": ["aud"],
        "exp": NOW + 300,
        "https://td.example/role": "admin",
    }
    assert "admin" not in repr(validated)


def test_the_claims_cannot_be_changed() -> None:
    with pytest.raises(TypeError, match="does not support item assignment"):
        validate(TOKEN).claims["sub"] = "x"  # type: ignore[index]


@pytest.mark.parametrize("kind", list(KeyType))
def test_what_we_sign_we_accept(kind: KeyType) -> None:
    ca = TestCa(kind=kind)
    svid = sign_jwt_svid(
        A,
        ["x", "y"],
        key=ca.jwt_key,
        kid=ca.jwt_authority.key_id,
        now=EPOCH,
        lifetime=timedelta(minutes=5),
    )
    validated = validate(svid.token, "y", bundles={TD: ca.bundle()})
    assert validated.claims["aud"] == ["x", "y"]
    assert validated.expires_at == svid.expires_at


@pytest.mark.rows("JV-10")
@pytest.mark.parametrize(
    ("subject", "reason"),
    [
        ("alice", "sub: 'alice' is not a SPIFFE ID: scheme"),
        ("spiffe://td.example/a/", "trailing slash"),
        (None, "sub is missing or not a string"),
        (["spiffe://td.example/a"], "sub is missing or not a string"),
    ],
)
def test_a_subject_that_is_no_spiffe_id_is_refused(subject: object, reason: str) -> None:
    assert refused(TOKEN.but(claims={"sub": subject}), reason) == "JWT-SVID 3.1"


@pytest.mark.rows("JV-14")
def test_a_token_may_be_presented_twice() -> None:
    token = TOKEN.but(claims={"jti": "once"})
    assert validate(token).claims == validate(token).claims


@pytest.mark.rows("JV-22")
@pytest.mark.parametrize("name", ["sub", "exp", "role"])
def test_a_claim_that_appears_twice_is_refused(name: str) -> None:
    claims = json.dumps(TOKEN._claims())[:-1] + f', "role": 1, "{name}": 2}}'
    refused(TOKEN.but(raw_claims=claims), "claims: JSON object has a member twice")


@pytest.mark.parametrize("claims", ["[]", '"x"', "{", "\ufeff{}"])
def test_claims_that_are_no_json_object_are_refused(claims: str) -> None:
    refused(TOKEN.but(raw_claims=claims), "claims: (JSON is not an object|not JSON)")


def test_the_signature_is_checked_before_the_claims_are_judged() -> None:
    stale = TOKEN.but(claims={"exp": NOW - 3600}, key=generate(KeyType.EC_P256))
    refused(stale, "signature does not verify")


def test_the_lifetime_of_a_token_is_read_without_any_key() -> None:
    ca = TestCa()
    token = sign_jwt_svid(
        SpiffeId.parse("spiffe://td.example/a"),
        ["db"],
        key=ca.jwt_key,
        kid="k",
        now=EPOCH,
        lifetime=timedelta(minutes=5),
    ).token
    assert lifetime(token) == (EPOCH, EPOCH + timedelta(minutes=5))
    with pytest.raises(JwtSvidError, match="not a signed token"):
        lifetime("a.b")
