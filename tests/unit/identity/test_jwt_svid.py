from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import timedelta, timezone

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from support.clock import EPOCH
from support.token import decode, verify

from accredit.identity.errors import JwtSvidError
from accredit.identity.jwt_svid import JwtSvid, sign_jwt_svid
from accredit.identity.keys import KeyType, PrivateKey, generate
from accredit.identity.spiffe_id import SpiffeId, TrustDomain

A = SpiffeId.parse("spiffe://td.example/a")
KEY = generate(KeyType.EC_P256)
FIVE_MINUTES = timedelta(minutes=5)


def _sign(
    audience: Sequence[str] = ("aud",),
    *,
    spiffe_id: SpiffeId = A,
    key: PrivateKey = KEY,
    kid: str = "kid",
    lifetime: timedelta = FIVE_MINUTES,
) -> JwtSvid:
    return sign_jwt_svid(spiffe_id, audience, key=key, kid=kid, now=EPOCH, lifetime=lifetime)


def _parts(svid: JwtSvid) -> tuple[dict[str, object], dict[str, object]]:
    header, claims, _ = svid.token.split(".")
    return json.loads(decode(header)), json.loads(decode(claims))


@pytest.mark.rows("JI-01", "JI-04")
def test_a_token_is_three_parts_of_base64url() -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", _sign().token)


@pytest.mark.rows("JI-02", "JI-04", "JI-05", "JI-06")
def test_the_header_holds_alg_kid_and_typ_alone() -> None:
    header, _ = _parts(_sign())
    assert header == {"alg": "ES256", "kid": "kid", "typ": "JWT"}


@pytest.mark.rows("JI-07", "JI-08", "JI-09", "JI-10", "JI-14")
def test_the_claims_are_subject_audience_and_times_as_whole_numbers() -> None:
    svid = _sign(["a", "b"])
    _, claims = _parts(svid)
    issued = int(EPOCH.timestamp())
    assert claims == {
        "sub": "spiffe://td.example/a",
        "aud": ["a", "b"],
        "iat": issued,
        "exp": issued + 300,
    }
    assert type(claims["exp"]) is int
    assert svid.spiffe_id == A
    assert svid.audience == ("a", "b")
    assert (svid.issued_at, svid.expires_at) == (EPOCH, EPOCH + FIVE_MINUTES)


@pytest.mark.rows("JI-03", "JI-13")
@pytest.mark.parametrize(
    ("key", "alg"),
    [
        (KEY, "ES256"),
        (generate(KeyType.EC_P384), "ES384"),
        (ec.generate_private_key(ec.SECP521R1()), "ES512"),
        (generate(KeyType.RSA_2048), "RS256"),
    ],
    ids=["P-256", "P-384", "P-521", "RSA"],
)
def test_the_algorithm_fits_the_key_and_a_stranger_can_verify(key: PrivateKey, alg: str) -> None:
    svid = _sign(key=key)
    header, _ = _parts(svid)
    assert header["alg"] == alg
    verify(svid.token, key.public_key(), alg)
    with pytest.raises(InvalidSignature):
        verify(svid.token.replace(".", "A.", 1), key.public_key(), alg)


@pytest.mark.rows("JI-03")
@pytest.mark.parametrize(
    "key", [ec.generate_private_key(ec.SECP256K1()), ed25519.Ed25519PrivateKey.generate()]
)
def test_a_key_that_no_algorithm_fits_signs_nothing(key: PrivateKey) -> None:
    with pytest.raises(JwtSvidError, match=r"fits the signing key \(JWT-SVID 2.1\)"):
        _sign(key=key)


@pytest.mark.rows("JI-08")
@pytest.mark.parametrize("audience", [[], [""], ["a", ""]])
def test_without_an_audience_nothing_is_signed(audience: list[str]) -> None:
    with pytest.raises(JwtSvidError, match=r"the audience is empty \(JWT-SVID 3.2\)"):
        _sign(audience)


def test_an_audience_named_twice_counts_once() -> None:
    assert _sign(["a", "b", "a"]).audience == ("a", "b")


def test_one_string_is_no_list_of_audiences() -> None:
    with pytest.raises(TypeError, match="not one string"):
        _sign("reports")


def test_a_trust_domain_is_no_workload() -> None:
    with pytest.raises(JwtSvidError, match=r"needs a path: spiffe://td.example \(JWT-SVID 3.1\)"):
        _sign(spiffe_id=TrustDomain("td.example").id)


def test_a_key_without_id_signs_nothing() -> None:
    with pytest.raises(JwtSvidError, match="kid is empty"):
        _sign(kid="")


@pytest.mark.parametrize("lifetime", [timedelta(0), timedelta(milliseconds=999), -FIVE_MINUTES])
def test_a_token_lives_for_a_second_at_least(lifetime: timedelta) -> None:
    with pytest.raises(JwtSvidError, match="the lifetime is shorter than a second"):
        _sign(lifetime=lifetime)


def test_fractions_of_seconds_are_cut_off() -> None:
    svid = sign_jwt_svid(
        A,
        ["aud"],
        key=KEY,
        kid="kid",
        now=(EPOCH + timedelta(milliseconds=900)).astimezone(timezone(timedelta(hours=5))),
        lifetime=timedelta(seconds=1),
    )
    assert (svid.issued_at, svid.expires_at) == (EPOCH, EPOCH + timedelta(seconds=1))


def test_a_token_too_long_for_validators_is_not_issued() -> None:
    with pytest.raises(JwtSvidError, match="too many or too long audiences"):
        _sign(["a" * 16384])


@pytest.mark.rows("ID-20")
def test_the_longest_id_fits_into_a_token() -> None:
    longest = SpiffeId.parse("spiffe://td.example/" + "a" * 2028)
    _, claims = _parts(_sign(spiffe_id=longest))
    assert claims["sub"] == str(longest)


def test_repr_does_not_show_the_token() -> None:
    svid = _sign()
    assert svid.token not in repr(svid)
    assert "spiffe_id=" in repr(svid)
