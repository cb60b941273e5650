from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import ec
from support.ca import TestCa
from support.clock import EPOCH
from support.token import Token, decode, part

from accredit.identity.bundle import JwtAuthority, TrustBundle, encode_bundle, parse_bundle
from accredit.identity.errors import JwtSvidError
from accredit.identity.jwt_svid import sign_jwt_svid
from accredit.identity.jwt_verify import ValidatedJwt, lifetime, validate_jwt_svid
from accredit.identity.keys import KeyType, generate, spki_der
from accredit.identity.spiffe_id import SpiffeId, TrustDomain

TD, B = TrustDomain("td.example"), TrustDomain("b.example")
A = SpiffeId(TD, "/a")
KEY = generate(KeyType.EC_P256)
AUTHORITY = JwtAuthority("kid", KEY.public_key())
BUNDLES = {TD: TrustBundle(TD, jwt_authorities=(AUTHORITY,))}
TOKEN = Token(KEY, header={"kid": "kid"})
NOW = int(EPOCH.timestamp())
HALF_A_MINUTE = timedelta(seconds=30)


def _validate(
    token: Token | str,
    *audience: str,
    bundles: Mapping[TrustDomain, TrustBundle] = BUNDLES,
    leeway: timedelta = timedelta(),
) -> ValidatedJwt:
    return validate_jwt_svid(str(token), audience or ("aud",), bundles, EPOCH, leeway=leeway)


def _refused(
    token: Token | str,
    reason: str,
    *audience: str,
    bundles: Mapping[TrustDomain, TrustBundle] = BUNDLES,
    leeway: timedelta = timedelta(),
) -> str:
    """Return the rule that the refusal names."""
    with pytest.raises(JwtSvidError, match=reason) as caught:
        _validate(token, *audience, bundles=bundles, leeway=leeway)
    return caught.value.rule


def test_a_valid_token_gives_id_claims_and_end() -> None:
    validated = _validate(TOKEN.but(claims={"https://td.example/role": "admin"}))
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
        _validate(TOKEN).claims["sub"] = "x"  # type: ignore[index]


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
    validated = _validate(svid.token, "y", bundles={TD: ca.bundle()})
    assert validated.claims["aud"] == ["x", "y"]
    assert validated.expires_at == svid.expires_at


@pytest.mark.rows("JV-01", "JV-02")
def test_our_public_key_is_nobodys_shared_secret() -> None:
    signed = f"{part({'alg': 'HS256', 'kid': 'kid'})}.{part(TOKEN._claims())}"
    for secret in (spki_der(KEY.public_key()), b"kid"):
        mac = hmac.HMAC(secret, hashes.SHA256())
        mac.update(signed.encode())
        rule = _refused(f"{signed}.{part(mac.finalize())}", "alg 'HS256' is not allowed")
        assert rule == "JWT-SVID 2.1"


@pytest.mark.rows("JV-02")
def test_no_key_is_looked_up_for_a_forbidden_algorithm() -> None:
    class NoLookup(dict[TrustDomain, TrustBundle]):
        def get(self, *_: object) -> None:  # type: ignore[override]
            raise AssertionError("a bundle was looked up")

    _refused(TOKEN.but(header={"alg": "none"}), "alg 'none' is not allowed", bundles=NoLookup())


@pytest.mark.rows("JV-03")
@pytest.mark.parametrize("aud", [[], "", {}, 5, True])
def test_a_token_without_an_audience_is_refused(aud: object) -> None:
    token = TOKEN.but(claims={"aud": aud})
    assert _refused(token, "aud (is missing or empty|holds something)") == "JWT-SVID 3.2"


@pytest.mark.rows("JV-03")
@pytest.mark.parametrize("aud", ["", '"aud": null, '])
def test_an_audience_that_is_absent_or_null_is_refused(aud: str) -> None:
    claims = f'{{{aud}"sub": "spiffe://td.example/a", "exp": {NOW + 300}}}'
    assert _refused(TOKEN.but(raw_claims=claims), "aud is missing or empty") == "JWT-SVID 3.2"


@pytest.mark.parametrize("aud", [["aud", ""], ["aud", 5], ["aud", None], [["aud"]]])
def test_an_audience_that_is_not_text_throughout_is_refused(aud: object) -> None:
    _refused(TOKEN.but(claims={"aud": aud}), "aud holds something other than non-empty strings")


@pytest.mark.rows("JV-04")
@pytest.mark.parametrize(
    ("aud", "expected"),
    [(["a"], "b"), ("reports", "rep"), ("reports", "Reports"), ("rep", "reports")],
)
def test_another_audience_is_refused(aud: object, expected: str) -> None:
    token = TOKEN.but(claims={"aud": aud})
    assert _refused(token, "aud does not name this audience", expected) == "JWT-SVID 3.2"


@pytest.mark.rows("JV-04")
@pytest.mark.parametrize(("aud", "listed"), [(["a", "b"], ["a", "b"]), ("b", ["b"])])
def test_one_of_several_audiences_is_enough(aud: object, listed: list[str]) -> None:
    token = TOKEN.but(claims={"aud": aud})
    assert _validate(token, "b").claims["aud"] == listed
    assert _validate(token, "x", "b").claims["aud"] == listed


@pytest.mark.rows("JV-20")
@pytest.mark.parametrize("audience", [(), [], ("",), ("aud", "")])
def test_expecting_no_audience_is_an_error_and_not_any_audience(audience: list[str]) -> None:
    with pytest.raises(JwtSvidError, match="no audience to compare with was given"):
        validate_jwt_svid(str(TOKEN), audience, BUNDLES, EPOCH)


@pytest.mark.rows("JV-04", "JV-20")
def test_one_string_is_no_collection_of_audiences() -> None:
    with pytest.raises(TypeError, match="not one string"):
        validate_jwt_svid(str(TOKEN), "some aud", BUNDLES, EPOCH)


@pytest.mark.rows("JV-05")
def test_a_token_without_end_is_refused() -> None:
    assert _refused(TOKEN.but(claims={"exp": None}), "exp is missing") == "JWT-SVID 3.3"


@pytest.mark.rows("JV-06")
@pytest.mark.parametrize(("ago", "leeway"), [(3600, 30), (31, 30), (30, 30), (0, 0), (5, 0)])
def test_a_token_past_its_end_is_refused(ago: int, leeway: int) -> None:
    token = TOKEN.but(claims={"exp": NOW - ago})
    reason = "the token has expired"
    assert _refused(token, reason, leeway=timedelta(seconds=leeway)) == "JWT-SVID 3.3"


@pytest.mark.rows("JV-06")
def test_a_small_leeway_forgives_clocks_that_differ() -> None:
    token = TOKEN.but(claims={"exp": NOW - 5})
    assert _validate(token, leeway=HALF_A_MINUTE).expires_at == EPOCH - timedelta(seconds=5)


@pytest.mark.rows("JV-07")
@pytest.mark.parametrize(
    ("exp", "reason"),
    [
        ('"9999999999"', "exp is not a number"),
        ("true", "exp is not a number"),
        ("null", "exp is not a number"),
        ("[9999999999]", "exp is not a number"),
        ("NaN", "claims: NaN is not JSON"),
        ("Infinity", "claims: Infinity is not JSON"),
        ("1e400", "claims: JSON number is too large"),
        ("1e300", "no date before the year 10000"),
        ("99999999999999999999", "no date before the year 10000"),
        ("-1e15", "no date before the year 10000"),
        ("-1", "the token has expired"),
    ],
)
def test_an_end_that_is_no_date_as_a_number_is_refused(exp: str, reason: str) -> None:
    claims = f'{{"sub": "spiffe://td.example/a", "aud": "aud", "exp": {exp}}}'
    _refused(TOKEN.but(raw_claims=claims), reason)


@pytest.mark.rows("JV-07")
@pytest.mark.parametrize("exp", [1999999999.5, 253402300799])
def test_an_end_may_be_a_fraction_and_far_away(exp: float) -> None:
    token = TOKEN.but(claims={"exp": exp})
    assert _validate(token, leeway=HALF_A_MINUTE).expires_at.timestamp() == exp


@pytest.mark.rows("JV-18")
def test_a_token_that_is_not_valid_yet_is_refused() -> None:
    rule = _refused(TOKEN.but(claims={"nbf": NOW + 3600}), "the token is not valid yet")
    assert rule == "RFC 7519 4.1.5"
    _validate(TOKEN.but(claims={"nbf": NOW + 5}), leeway=HALF_A_MINUTE)
    _validate(TOKEN.but(claims={"nbf": NOW}))


@pytest.mark.parametrize("name", ["nbf", "iat"])
def test_a_beginning_that_is_no_number_is_refused(name: str) -> None:
    _refused(TOKEN.but(claims={name: "now"}), f"{name} is not a number")


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
    assert _refused(TOKEN.but(claims={"sub": subject}), reason) == "JWT-SVID 3.1"


@pytest.mark.rows("JV-11", "BP-11", "SV-07")
def test_the_keys_are_those_of_the_subjects_trust_domain_whatever_kid_says() -> None:
    key = TestCa("b.example").jwt_key.public_key()
    token = TOKEN.but(claims={"sub": "spiffe://b.example/x"})
    for kid, reason in {"kid": "does not verify", "other": "fits alg and kid"}.items():
        others = TrustBundle(B, jwt_authorities=(JwtAuthority(kid, key),))
        for bundles in ({**BUNDLES, B: others}, {B: others, **BUNDLES}):
            assert _refused(token, reason, bundles=bundles) == "JWT-SVID 4"
            _refused(token.but(header={}), "does not verify", bundles=bundles)


@pytest.mark.rows("JV-12", "BP-10")
@pytest.mark.parametrize("use", ["wit-svid", "x509-svid", "sig", None])
def test_a_key_of_another_use_signs_no_tokens(use: str | None) -> None:
    ca = TestCa()
    document = json.loads(encode_bundle(ca.bundle()))
    own_key = {**document["keys"][1], "use": use, "kid": "kid"}
    own_key["x5c"] = document["keys"][0]["x5c"]
    document["keys"].append(own_key)
    bundle = parse_bundle(TD, json.dumps(document).encode()).bundle
    _refused(
        TOKEN.but(key=ca.jwt_key), "no key of the subject's trust domain", bundles={TD: bundle}
    )
    _refused(TOKEN.but(key=ca.key, header={}), "signature does not verify", bundles={TD: bundle})


@pytest.mark.rows("JV-13", "JV-23", "BP-08")
@pytest.mark.parametrize(
    "bundles", [{}, {TD: TrustBundle(TD)}, {TD: TrustBundle(TD, (TestCa().root,))}]
)
def test_without_jwt_keys_of_its_trust_domain_a_token_is_untrusted(
    bundles: Mapping[TrustDomain, TrustBundle],
) -> None:
    reason = "no JWT keys of the subject's trust domain"
    assert _refused(TOKEN, reason, bundles=bundles) == "Workload API 6.3"


@pytest.mark.rows("JV-14")
def test_a_token_may_be_presented_twice() -> None:
    token = TOKEN.but(claims={"jti": "once"})
    assert _validate(token).claims == _validate(token).claims


@pytest.mark.rows("JV-15")
def test_a_token_without_kid_is_tried_with_the_keys_that_fit() -> None:
    strangers = [
        JwtAuthority(f"{kind}-{number}", generate(kind).public_key())
        for kind in (KeyType.EC_P384, KeyType.EC_P256)
        for number in range(15)
    ]
    bundle = TrustBundle(TD, jwt_authorities=(*strangers, AUTHORITY))
    assert _validate(TOKEN.but(header={}), bundles={TD: bundle}).spiffe_id == A


def test_a_token_without_kid_is_tried_with_sixteen_keys_at_most() -> None:
    keys = [generate(KeyType.EC_P256).public_key() for _ in range(16)]
    strangers = [JwtAuthority(str(number), key) for number, key in enumerate(keys)]
    bundle = TrustBundle(TD, jwt_authorities=(*strangers, AUTHORITY))
    _refused(TOKEN.but(header={}), "signature does not verify", bundles={TD: bundle})
    assert _validate(TOKEN, bundles={TD: bundle}).spiffe_id == A


def test_a_kid_that_nobody_published_is_refused() -> None:
    _refused(TOKEN.but(header={"kid": "other"}), "no key of the subject's trust domain fits")


@pytest.mark.rows("JV-16", "SV-05")
def test_one_changed_byte_is_noticed() -> None:
    header, payload, signature = str(TOKEN).split(".")
    forged = part(decode(payload).replace(b"td.example/a", b"td.example/b"))
    _refused(f"{header}.{forged}.{signature}", "signature does not verify")
    spaced = part(decode(payload).replace(b'"sub":', b'"sub" :'))
    _refused(f"{header}.{spaced}.{signature}", "signature does not verify")


@pytest.mark.rows("JV-16")
def test_a_signature_in_der_or_of_another_width_is_refused() -> None:
    signed, _, signature = str(TOKEN).rpartition(".")
    assert isinstance(KEY, ec.EllipticCurvePrivateKey)
    der = KEY.sign(signed.encode(), ec.ECDSA(hashes.SHA256()))
    raw = decode(signature)
    for wrong in (der, raw[:-1], raw[1:], raw + b"\0", b"\0" + raw, bytes(64), b"\xff" * 64):
        _refused(f"{signed}.{part(wrong)}", "signature does not verify")


@pytest.mark.rows("JV-19")
@pytest.mark.parametrize(("kind", "alg"), [(KeyType.EC_P384, "ES256"), (KeyType.EC_P256, "RS256")])
def test_an_algorithm_that_does_not_fit_the_key_is_refused(kind: KeyType, alg: str) -> None:
    key = generate(kind)
    bundle = TrustBundle(TD, jwt_authorities=(JwtAuthority("kid", key.public_key()),))
    _refused(TOKEN.but(key=key, alg=alg), "fits alg and kid", bundles={TD: bundle})


@pytest.mark.rows("JV-21")
def test_a_key_in_the_header_is_never_used() -> None:
    attacker = generate(KeyType.EC_P256)
    numbers = attacker.public_key().public_numbers()
    assert isinstance(numbers, ec.EllipticCurvePublicNumbers)
    jwk = {"kty": "EC", "crv": "P-256", "x": part(numbers.x.to_bytes(32, "big"))}
    jwk["y"] = part(numbers.y.to_bytes(32, "big"))
    _refused(TOKEN.but(key=attacker, header={"jwk": jwk}), "header jwk is not allowed")
    _refused(TOKEN.but(key=attacker), "signature does not verify")


@pytest.mark.rows("JV-22")
@pytest.mark.parametrize("name", ["sub", "exp", "role"])
def test_a_claim_that_appears_twice_is_refused(name: str) -> None:
    claims = json.dumps(TOKEN._claims())[:-1] + f', "role": 1, "{name}": 2}}'
    _refused(TOKEN.but(raw_claims=claims), "claims: JSON object has a member twice")


@pytest.mark.parametrize("claims", ["[]", '"x"', "{", "\ufeff{}"])
def test_claims_that_are_no_json_object_are_refused(claims: str) -> None:
    _refused(TOKEN.but(raw_claims=claims), "claims: (JSON is not an object|not JSON)")


def test_the_signature_is_checked_before_the_claims_are_judged() -> None:
    stale = TOKEN.but(claims={"exp": NOW - 3600}, key=generate(KeyType.EC_P256))
    _refused(stale, "signature does not verify")


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
