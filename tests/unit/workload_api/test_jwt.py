from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.clock import EPOCH

from accredit.identity.errors import JwtSvidError, RequestError, SpiffeIdError
from accredit.identity.jwt_verify import ValidatedJwt
from accredit.identity.spiffe_id import SpiffeId, TrustDomain
from accredit.workload_api import jwt
from accredit.workload_api.proto import workload_pb2 as pb
from accredit.workload_api.responses import read_claims
from accredit.workload_api.settings import WorkloadApiSettings

SETTINGS = WorkloadApiSettings(max_audiences=3, max_audience_bytes=10)
OWN = TrustDomain("prod.example")


def ask(*audience: str, spiffe_id: str = "") -> jwt.TokenRequest:
    request = pb.JWTSVIDRequest(audience=audience, spiffe_id=spiffe_id)
    return jwt.check_token_request(request, SETTINGS)


def answer(claims: dict[str, Any], *, subject: str, allowed: frozenset[str]) -> dict[str, object]:
    validated = ValidatedJwt(SpiffeId.parse(subject), claims, EPOCH + timedelta(minutes=5))
    return dict(read_claims(jwt.validation_response(validated, OWN, allowed)).claims)


def test_audiences_are_taken_as_given_and_once_each() -> None:
    assert ask("b", "a", "b").audience == ("b", "a")


def test_no_id_means_every_identity() -> None:
    assert ask("a").spiffe_id is None
    assert ask("a", spiffe_id="spiffe://prod.example/web").spiffe_id == SpiffeId(OWN, "/web")


@pytest.mark.rows("JS-01", "WC-16")
@pytest.mark.parametrize(
    ("audience", "reason"),
    [((), "audience must be set"), (("",), "must not be empty"), (("a", ""), "must not be empty")],
)
def test_a_request_without_a_real_audience_is_refused(
    audience: tuple[str, ...], reason: str
) -> None:
    with pytest.raises(RequestError, match=reason):
        ask(*audience)


def test_more_or_longer_audiences_than_allowed_are_refused() -> None:
    with pytest.raises(RequestError, match="4 audiences are more than 3"):
        ask("a", "b", "c", "d")
    with pytest.raises(RequestError, match="an audience is longer than 10 bytes"):
        ask("é" * 6)


@pytest.mark.rows("JS-11")
@pytest.mark.parametrize("spiffe_id", ["foo", "spiffe://prod.example/", "https://prod.example/a"])
def test_a_malformed_id_is_refused(spiffe_id: str) -> None:
    with pytest.raises(SpiffeIdError, match="is not a SPIFFE ID"):
        ask("a", spiffe_id=spiffe_id)


@pytest.mark.rows("VJ-01", "WC-16")
@pytest.mark.parametrize(
    ("audience", "svid", "reason"),
    [("", "a.b.c", "an audience must not be empty"), ("a", "", "svid must be set")],
)
def test_a_validation_request_with_an_empty_field_is_refused(
    audience: str, svid: str, reason: str
) -> None:
    request = pb.ValidateJWTSVIDRequest(audience=audience, svid=svid)
    with pytest.raises(RequestError, match=reason):
        jwt.check_validation_request(request, SETTINGS)


CLAIMS = {"sub": "x", "aud": ["a"], "exp": 1767225600, "iat": 1, "role": "admin", "team": "blue"}


@pytest.mark.rows("VJ-04")
def test_every_claim_of_an_own_token_is_returned() -> None:
    found = answer(CLAIMS, subject="spiffe://prod.example/web", allowed=frozenset())
    assert found == CLAIMS


@pytest.mark.rows("VJ-04", "VJ-05")
def test_claims_of_a_foreign_token_are_withheld_unless_allowed() -> None:
    subject = "spiffe://partner.example/web"
    assert set(answer(CLAIMS, subject=subject, allowed=frozenset())) == {"sub", "aud", "exp"}
    allowed = frozenset({"team", "absent"})
    assert set(answer(CLAIMS, subject=subject, allowed=allowed)) == {"sub", "aud", "exp", "team"}


@pytest.mark.rows("VJ-10")
def test_numbers_are_doubles_and_no_integer_is_rounded() -> None:
    fields = jwt.claims_struct({"exp": 1767225600, "half": 0.5, "id": 2**53 + 1}).fields
    assert fields["exp"].number_value == 1767225600.0
    assert fields["half"].number_value == 0.5
    assert fields["id"].string_value == "9007199254740993"


def test_true_is_no_number() -> None:
    assert jwt.claims_struct({"x": True}).fields["x"].WhichOneof("kind") == "bool_value"


def test_claims_that_are_nested_too_deep_are_refused() -> None:
    deep: object = "x"
    for _ in range(16):
        deep = [deep]
    with pytest.raises(JwtSvidError, match="claims nested deeper than 16"):
        jwt.claims_struct({"deep": deep})


@pytest.mark.parametrize("claims", [{"x": "\ud800"}, {"\ud800": 1}, {"x": {"\ud800": 1}}])
def test_text_that_is_not_unicode_is_refused(claims: dict[str, Any]) -> None:
    with pytest.raises(JwtSvidError, match="a claim holds text that is not Unicode"):
        jwt.claims_struct(claims)


def test_what_json_has_no_word_for_is_a_bug() -> None:
    with pytest.raises(TypeError, match="JSON, which has no bytes"):
        jwt.claims_struct({"x": b""})


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(st.dictionaries(st.text(), json_values, max_size=5))
def test_any_claims_survive_the_wire_or_are_refused(claims: dict[str, Any]) -> None:
    try:
        struct = jwt.claims_struct(claims)
    except JwtSvidError:
        return
    data = pb.ValidateJWTSVIDResponse(spiffe_id="spiffe://prod.example/a", claims=struct)
    assert pb.ValidateJWTSVIDResponse.FromString(data.SerializeToString()) == data
    assert set(struct.fields) == set(json.loads(json.dumps(claims)))
