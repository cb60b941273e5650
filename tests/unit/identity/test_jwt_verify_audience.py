"""For whom a token is."""

from __future__ import annotations

import pytest
from support.clock import EPOCH
from support.jwt_checks import BUNDLES, NOW, TOKEN, refused, validate

from accredit.identity.errors import JwtSvidError
from accredit.identity.jwt_verify import validate_jwt_svid


@pytest.mark.rows("JV-03")
@pytest.mark.parametrize("aud", [[], "", {}, 5, True])
def test_a_token_without_an_audience_is_refused(aud: object) -> None:
    token = TOKEN.but(claims={"aud": aud})
    assert refused(token, "aud (is missing or empty|holds something)") == "JWT-SVID 3.2"


@pytest.mark.rows("JV-03")
@pytest.mark.parametrize("aud", ["", '"aud": null, '])
def test_an_audience_that_is_absent_or_null_is_refused(aud: str) -> None:
    claims = f'{{{aud}"sub": "spiffe://td.example/a", "exp": {NOW + 300}}}'
    assert refused(TOKEN.but(raw_claims=claims), "aud is missing or empty") == "JWT-SVID 3.2"


@pytest.mark.parametrize("aud", [["aud", ""], ["aud", 5], ["aud", None], [["aud"]]])
def test_an_audience_that_is_not_text_throughout_is_refused(aud: object) -> None:
    refused(TOKEN.but(claims={"aud": aud}), "aud holds something other than non-empty strings")


@pytest.mark.rows("JV-04")
@pytest.mark.parametrize(
    ("aud", "expected"),
    [(["a"], "b"), ("reports", "rep"), ("reports", "Reports"), ("rep", "reports")],
)
def test_another_audience_is_refused(aud: object, expected: str) -> None:
    token = TOKEN.but(claims={"aud": aud})
    assert refused(token, "aud does not name this audience", expected) == "JWT-SVID 3.2"


@pytest.mark.rows("JV-04")
@pytest.mark.parametrize(("aud", "listed"), [(["a", "b"], ["a", "b"]), ("b", ["b"])])
def test_one_of_several_audiences_is_enough(aud: object, listed: list[str]) -> None:
    token = TOKEN.but(claims={"aud": aud})
    assert validate(token, "b").claims["aud"] == listed
    assert validate(token, "x", "b").claims["aud"] == listed


@pytest.mark.rows("JV-20")
@pytest.mark.parametrize("audience", [(), [], ("",), ("aud", "")])
def test_expecting_no_audience_is_an_error_and_not_any_audience(audience: list[str]) -> None:
    with pytest.raises(JwtSvidError, match="no audience to compare with was given"):
        validate_jwt_svid(str(TOKEN), audience, BUNDLES, EPOCH)


@pytest.mark.rows("JV-04", "JV-20")
def test_one_string_is_no_collection_of_audiences() -> None:
    with pytest.raises(TypeError, match="not one string"):
        validate_jwt_svid(str(TOKEN), "some aud", BUNDLES, EPOCH)
