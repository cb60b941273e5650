from __future__ import annotations

from typing import Any

import pytest
from support.token import Token, part

from accredit.identity.errors import JwtSvidError
from accredit.identity.jws import parse
from accredit.identity.keys import KeyType, generate

KEY = generate(KeyType.EC_P256)
TOKEN = Token(KEY)
HEADER, PAYLOAD, SIGNATURE = str(TOKEN).split(".")


@pytest.mark.rows("JV-01")
@pytest.mark.parametrize(
    "alg", ["none", "None", "HS256", "EdDSA", "ES256K", "es256", "", None, 256, ["ES256"], {}]
)
def test_an_algorithm_outside_the_nine_is_refused(alg: object) -> None:
    with pytest.raises(JwtSvidError, match=r"alg .* is not allowed") as caught:
        parse(str(TOKEN.but(header={"alg": alg})))
    assert caught.value.rule == "JWT-SVID 2.1"


@pytest.mark.rows("JV-02")
def test_the_algorithm_is_checked_before_the_rest_of_the_token_is_looked_at() -> None:
    header = part({"alg": "HS256", "typ": "secret+jwt", "crit": ["x"]})
    with pytest.raises(JwtSvidError, match="alg 'HS256' is not allowed"):
        parse(f"{header}.!.!")


@pytest.mark.rows("JV-08")
@pytest.mark.parametrize("typ", ["at+jwt", "wit+jwt", "jwt", "", 5, ["JWT"], {}])
def test_a_typ_other_than_jwt_or_jose_is_refused(typ: object) -> None:
    raw = {"alg": "ES256", "typ": typ}
    with pytest.raises(JwtSvidError, match="typ is neither JWT nor JOSE"):
        parse(".".join((part(raw), PAYLOAD, SIGNATURE)))


@pytest.mark.rows("JV-08")
def test_a_typ_of_null_is_refused() -> None:
    with pytest.raises(JwtSvidError, match="typ is neither JWT nor JOSE"):
        parse(str(TOKEN.but(raw_header='{"alg": "ES256", "typ": null}')))


@pytest.mark.rows("JV-08", "JV-15")
@pytest.mark.parametrize("typ", ["JWT", "JOSE", None])
def test_typ_and_kid_may_be_absent(typ: str | None) -> None:
    jws = parse(str(TOKEN.but(header={"typ": typ})))
    assert (jws.algorithm, jws.key_id) == ("ES256", None)
    assert jws.signed_by(KEY.public_key())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            pytest.param(name, value, marks=pytest.mark.rows("JV-21"), id=name)
            for name, value in {
                "jku": "https://evil.example/keys",
                "jwk": {"kty": "EC"},
                "x5u": "https://evil.example/",
                "x5c": ["MIIB"],
            }.items()
        ),
        pytest.param("crit", ["x"], marks=pytest.mark.rows("JV-17"), id="crit"),
        pytest.param("b64", False, id="b64"),
        pytest.param("zip", "DEF", id="zip"),
        pytest.param("cty", "JWT", id="cty"),
        pytest.param("enc", "A128GCM", id="enc"),
    ],
)
def test_a_header_that_changes_key_or_reading_is_refused(name: str, value: Any) -> None:
    with pytest.raises(JwtSvidError, match=f"header {name} is not allowed"):
        parse(str(TOKEN.but(header={name: value})))


def test_a_header_that_changes_nothing_is_ignored() -> None:
    assert parse(str(TOKEN.but(header={"x5t": "abc", "custom": 1}))).signed_by(KEY.public_key())


@pytest.mark.parametrize("kid", ["", 5, ["a"]])
def test_a_kid_that_is_no_text_is_refused(kid: object) -> None:
    with pytest.raises(JwtSvidError, match="kid is empty or not a string"):
        parse(str(TOKEN.but(header={"kid": kid})))


@pytest.mark.rows("JV-09")
@pytest.mark.parametrize(
    "token",
    [
        f'{{"payload":"{PAYLOAD}","protected":"{HEADER}","signature":"{SIGNATURE}"}}',
        f'{{"payload":"{PAYLOAD}","signatures":[{{"protected":"{HEADER}"}}]}}',
        "",
        "a.b",
        f"{HEADER}.{PAYLOAD}",
        f"{HEADER}.{PAYLOAD}.",
        f"{HEADER}..{SIGNATURE}",
        f"{HEADER}.{PAYLOAD}.{SIGNATURE}.",
        f"{HEADER}.{PAYLOAD}.{SIGNATURE}.a.b",
    ],
)
def test_anything_but_the_compact_form_is_refused(token: str) -> None:
    with pytest.raises(JwtSvidError, match="not a signed token in JWS Compact Serialization"):
        parse(token)


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (f"{HEADER}=.{PAYLOAD}.{SIGNATURE}", "header: not base64url without padding"),
        (f"{HEADER}.{PAYLOAD}\n.{SIGNATURE}", "payload: not base64url without padding"),
        (f"{HEADER}.{PAYLOAD}.{SIGNATURE}==", "signature: not base64url without padding"),
        (f" {HEADER}.{PAYLOAD}.{SIGNATURE}", "header: not base64url without padding"),
        (f"{HEADER}.{PAYLOAD}.ＡＡＡＡ", "signature: not base64url without padding"),  # noqa: RUF001
        (f"{part('[]')}.{PAYLOAD}.{SIGNATURE}", "header: JSON is not an object"),
        (f"{part('x')}.{PAYLOAD}.{SIGNATURE}", "header: not JSON"),
        ("." * 16385, "longer than 16384 characters"),
    ],
)
def test_a_part_that_cannot_be_decoded_is_refused(token: str, reason: str) -> None:
    with pytest.raises(JwtSvidError, match=reason):
        parse(token)


@pytest.mark.rows("JV-22")
def test_a_header_member_that_appears_twice_is_refused() -> None:
    with pytest.raises(JwtSvidError, match="header: JSON object has a member twice"):
        parse(str(TOKEN.but(raw_header='{"alg": "ES256", "alg": "ES256"}')))


@pytest.mark.rows("JV-19")
@pytest.mark.parametrize(
    ("alg", "kind", "fits"),
    [
        ("ES256", KeyType.EC_P256, True),
        ("ES256", KeyType.EC_P384, False),
        ("ES256", KeyType.RSA_2048, False),
        ("ES384", KeyType.EC_P256, False),
        ("ES384", KeyType.EC_P384, True),
        ("ES512", KeyType.EC_P384, False),
        ("RS256", KeyType.EC_P256, False),
        ("RS512", KeyType.RSA_2048, True),
        ("PS256", KeyType.RSA_2048, True),
        ("PS256", KeyType.EC_P256, False),
    ],
)
def test_the_algorithm_must_fit_the_key(alg: str, kind: KeyType, fits: bool) -> None:
    key = generate(kind)
    jws = parse(str(Token(key, alg=alg)))
    assert jws.fits(key.public_key()) is fits
    assert jws.signed_by(key.public_key()) is fits
