"""When a token begins and ends."""

from __future__ import annotations

from datetime import timedelta

import pytest
from support.clock import EPOCH
from support.jwt_checks import NOW, TOKEN, refused, validate

HALF_A_MINUTE = timedelta(seconds=30)


@pytest.mark.rows("JV-05")
def test_a_token_without_end_is_refused() -> None:
    assert refused(TOKEN.but(claims={"exp": None}), "exp is missing") == "JWT-SVID 3.3"


@pytest.mark.rows("JV-06")
@pytest.mark.parametrize(("ago", "leeway"), [(3600, 30), (31, 30), (30, 30), (0, 0), (5, 0)])
def test_a_token_past_its_end_is_refused(ago: int, leeway: int) -> None:
    token = TOKEN.but(claims={"exp": NOW - ago})
    reason = "the token has expired"
    assert refused(token, reason, leeway=timedelta(seconds=leeway)) == "JWT-SVID 3.3"


@pytest.mark.rows("JV-06")
def test_a_small_leeway_forgives_clocks_that_differ() -> None:
    token = TOKEN.but(claims={"exp": NOW - 5})
    assert validate(token, leeway=HALF_A_MINUTE).expires_at == EPOCH - timedelta(seconds=5)


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
    refused(TOKEN.but(raw_claims=claims), reason)


@pytest.mark.rows("JV-07")
@pytest.mark.parametrize("exp", [1999999999.5, 253402300799])
def test_an_end_may_be_a_fraction_and_far_away(exp: float) -> None:
    token = TOKEN.but(claims={"exp": exp})
    assert validate(token, leeway=HALF_A_MINUTE).expires_at.timestamp() == exp


@pytest.mark.rows("JV-18")
def test_a_token_that_is_not_valid_yet_is_refused() -> None:
    rule = refused(TOKEN.but(claims={"nbf": NOW + 3600}), "the token is not valid yet")
    assert rule == "RFC 7519 4.1.5"
    validate(TOKEN.but(claims={"nbf": NOW + 5}), leeway=HALF_A_MINUTE)
    validate(TOKEN.but(claims={"nbf": NOW}))


@pytest.mark.parametrize("name", ["nbf", "iat"])
def test_a_beginning_that_is_no_number_is_refused(name: str) -> None:
    refused(TOKEN.but(claims={name: "now"}), f"{name} is not a number")
