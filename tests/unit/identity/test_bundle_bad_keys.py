"""Keys of a document that are odd or bad."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import pytest
from support.bundle_document import J1, J2, ONE, TD, X1, X2, X3, parsed_keys
from support.ca import TestCa

from accredit.identity.bundle import ParsedBundle, TrustBundle, encode_bundle, parse_bundle


def without(key: Mapping[str, object], name: str) -> dict[str, object]:
    return {member: value for member, value in key.items() if member != name}


def _version_2(certificate: str) -> str:
    der = base64.b64decode(certificate)
    version_3, version_2 = b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x01"
    return base64.b64encode(der.replace(version_3, version_2, 1)).decode()


@pytest.mark.parametrize(
    ("bad", "warning"),
    [
        *(
            pytest.param(bad, warning, marks=pytest.mark.rows("BP-03"))
            for bad, warning in (
                ({**X2, "kty": "XYZ"}, "kty is neither EC nor RSA"),
                ({**J2, "kty": "XYZ"}, "kty is neither EC nor RSA"),
                (without(J2, "kty"), "kty is neither EC nor RSA"),
                ({**J2, "kty": 5}, "kty is neither EC nor RSA"),
            )
        ),
        *(
            pytest.param(bad, "use is missing or unknown", marks=pytest.mark.rows("BP-04"))
            for bad in (
                {**X2, "use": "sig"},
                {**X2, "use": "X509-SVID"},
                {**J2, "use": "JWT-SVID"},
                {**X2, "use": ["x509-svid"]},
                without(X2, "use"),
            )
        ),
        *(
            pytest.param(bad, warning, marks=pytest.mark.rows("BP-05"))
            for bad, warning in (
                (without(X2, "x5c"), "x5c is missing or empty"),
                ({**X2, "x5c": []}, "x5c is missing or empty"),
                ({**X2, "x5c": None}, "x5c is missing or empty"),
                ({**X2, "x5c": X2["x5c"][0]}, "x5c is missing or empty"),
                ({**X2, "x5c": [5]}, "x5c is missing or empty"),
            )
        ),
        *(
            pytest.param(bad, "kid is missing", marks=pytest.mark.rows("BP-16"))
            for bad in (without(J2, "kid"), {**J2, "kid": ""}, {**J2, "kid": 5})
        ),
        ({**X2, "x5c": [""]}, "x5c holds no certificate in base64 DER"),
        ({**X2, "x5c": ["é"]}, "x5c holds no certificate in base64 DER"),
        ({**X2, "x5c": [X2["x5c"][0][:-8]]}, "x5c holds no certificate in base64 DER"),
        ({**X2, "x5c": ["-" + X2["x5c"][0]]}, "x5c holds no certificate in base64 DER"),
        ({**X2, "x5c": ["\n" + X2["x5c"][0]]}, "x5c holds no certificate in base64 DER"),
        ({**X2, "x5c": [_version_2(X2["x5c"][0])]}, "x5c holds no certificate in base64 DER"),
        ({**X2, "x5c": X3["x5c"]}, "the certificate in x5c is not of the entry's key"),
        (without(X2, "x"), "x is missing or not a string"),
        ({**J2, "y": J2["x"]}, "x and y are no point of the curve"),
        ({**J2, "kid": "x" * 1025}, "kid is empty or too long"),
        ({**J2, "kid": J1["kid"]}, "an earlier key has the same kid"),
        ("x", "not an object"),
        (None, "not an object"),
        ([], "not an object"),
    ],
)
def test_a_bad_entry_is_ignored_with_a_warning_and_the_others_are_kept(
    bad: object, warning: str
) -> None:
    parsed = parsed_keys(J1, bad, X1)
    assert parsed.bundle == TrustBundle(TD, (ONE.root,), (ONE.jwt_authority,))
    (found,) = parsed.warnings
    assert found.startswith("keys[1] ignored: ")
    assert warning in found


@pytest.mark.rows("BP-05")
def test_a_bad_entry_before_the_good_ones_does_not_end_the_reading() -> None:
    parsed = parsed_keys(without(X2, "x5c"), {**X2, "use": "sig"}, without(J2, "kid"), X1, J1)
    assert parsed.bundle == TrustBundle(TD, (ONE.root,), (ONE.jwt_authority,))
    assert [warning.split()[0] for warning in parsed.warnings] == ["keys[0]", "keys[1]", "keys[2]"]


@pytest.mark.parametrize(
    "defects", [{"ca": False, "usage": ["digital_signature"]}, {"usage": ["crl_sign"]}]
)
def test_a_certificate_that_may_not_sign_is_no_authority(defects: dict[str, Any]) -> None:
    ca = TestCa(**defects)
    document = encode_bundle(TrustBundle(TD, (ca.root, ONE.root)))
    parsed = parse_bundle(TD, document)
    assert parsed.bundle.x509_authorities == (ONE.root,)
    assert parsed.warnings == ("keys[0] ignored: the certificate lacks cA or keyCertSign",)


@pytest.mark.rows("BP-06")
def test_only_the_first_certificate_of_x5c_counts() -> None:
    assert parsed_keys({**X1, "x5c": [*X1["x5c"], *X2["x5c"]]}).bundle.x509_authorities == (
        ONE.root,
    )
    assert parsed_keys({**X1, "x5c": [*X1["x5c"], 5]}).bundle.x509_authorities == (ONE.root,)


def test_a_surplus_kid_on_an_x509_entry_is_ignored() -> None:
    assert parsed_keys({**X1, "kid": "x", "alg": "ES256"}) == ParsedBundle(
        TrustBundle(TD, (ONE.root,)), ()
    )


@pytest.mark.rows("XV-20")
@pytest.mark.parametrize(
    ("uris", "warning"),
    [
        (["spiffe://td.example/x"], "keys[0]: the authority's ID is spiffe://td.example/x, not"),
        (["spiffe://b.example"], "keys[0]: the authority's ID is spiffe://b.example, not"),
        (["https://x/"], "keys[0]: the authority's URI SAN 'https://x/' is not a SPIFFE ID"),
        (["spiffe://td.example/"], None),
        ([], None),
    ],
)
def test_an_authority_with_an_odd_name_is_reported_and_kept(
    uris: list[str], warning: str | None
) -> None:
    ca = TestCa(uris=uris)
    parsed = parse_bundle(TD, encode_bundle(TrustBundle(TD, (ca.root,))))
    assert parsed.bundle.x509_authorities == (ca.root,)
    assert [found.startswith(warning or "?") for found in parsed.warnings] == [True] * bool(warning)
