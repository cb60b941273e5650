from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from jwt import PyJWK
from support.ca import TestCa

from accredit.identity.bundle import (
    JwtAuthority,
    ParsedBundle,
    TrustBundle,
    encode_bundle,
    parse_bundle,
)
from accredit.identity.errors import BundleError
from accredit.identity.keys import KeyType
from accredit.identity.spiffe_id import TrustDomain

TD = TrustDomain("td.example")
ONE, TWO = TestCa(), TestCa()
RSA = TestCa(kind=KeyType.RSA_2048)
FIVE_MINUTES = timedelta(minutes=5)
BUNDLE = TrustBundle(
    TD,
    (ONE.root, TWO.root, RSA.root),
    (ONE.jwt_authority, TWO.jwt_authority, RSA.jwt_authority),
    7,
    FIVE_MINUTES,
)
DOCUMENT = json.loads(encode_bundle(BUNDLE))
X1, X2, X3, J1, J2, J3 = DOCUMENT["keys"]


def _parse(*keys: object, **members: object) -> ParsedBundle:
    return parse_bundle(TD, json.dumps({"keys": keys, **members}).encode())


@pytest.mark.rows("BE-01")
def test_an_unrelated_jose_library_loads_our_keys() -> None:
    loaded = [
        PyJWK({**key, "use": "sig"}, "RS256" if key["kty"] == "RSA" else None) for key in (J1, J3)
    ]
    assert [key.key for key in loaded] == [
        ONE.jwt_authority.public_key,
        RSA.jwt_authority.public_key,
    ]


@pytest.mark.rows("BE-02", "BE-05", "BE-06", "BE-08", "BE-27")
def test_the_document_has_keys_sequence_and_hint_and_does_not_name_its_trust_domain() -> None:
    assert {name: value for name, value in DOCUMENT.items() if name != "keys"} == {
        "spiffe_sequence": 7,
        "spiffe_refresh_hint": 300,
    }
    assert type(DOCUMENT["spiffe_refresh_hint"]) is int
    unnamed = TrustBundle(TD, (), (ONE.jwt_authority,))
    assert b"td.example" not in encode_bundle(unnamed)


@pytest.mark.rows("BE-07")
def test_a_bundle_without_authorities_has_an_empty_array() -> None:
    assert json.loads(encode_bundle(TrustBundle(TD))) == {"keys": []}


@pytest.mark.rows("BE-09", "BE-10", "BE-11", "BE-12", "BE-14", "BE-17", "BE-23", "JI-17")
def test_each_key_has_the_members_of_the_standard_and_no_others() -> None:
    ec, rsa = {"kty", "use", "crv", "x", "y"}, {"kty", "use", "n", "e"}
    assert [set(key) for key in (X1, X3, J1, J3)] == [
        ec | {"x5c"},
        rsa | {"x5c"},
        ec | {"kid"},
        rsa | {"kid"},
    ]


@pytest.mark.rows("BE-13", "BE-16", "JI-16")
def test_each_authority_is_one_entry() -> None:
    assert [key["use"] for key in DOCUMENT["keys"]] == ["x509-svid"] * 3 + ["jwt-svid"] * 3
    kids = [ONE.jwt_authority.key_id, TWO.jwt_authority.key_id, RSA.jwt_authority.key_id]
    assert [key["kid"] for key in (J1, J2, J3)] == kids


@pytest.mark.rows("BE-15")
def test_x5c_holds_one_certificate_in_standard_base64() -> None:
    for key, root in ((X1, ONE.root), (X2, TWO.root), (X3, RSA.root)):
        (text,) = key["x5c"]
        assert x509.load_der_x509_certificate(base64.b64decode(text, validate=True)) == root


@pytest.mark.rows("BE-21")
def test_the_parameters_beside_x5c_are_those_of_its_key() -> None:
    def number(text: str) -> int:
        return int.from_bytes(base64.urlsafe_b64decode(text + "=="), "big")

    numbers: Any = ONE.root.public_key()
    assert number(X1["x"]) == numbers.public_numbers().x
    assert number(X1["y"]) == numbers.public_numbers().y


def test_a_bundle_survives_its_document() -> None:
    parsed = parse_bundle(TD, encode_bundle(BUNDLE))
    assert parsed == ParsedBundle(BUNDLE, ())


@pytest.mark.rows("BE-24", "BP-12")
@pytest.mark.parametrize("sequence", [0, 2**53 + 1, 2**63 - 1, 2**64 - 1])
def test_sequences_of_64_bits_survive(sequence: int) -> None:
    document = encode_bundle(TrustBundle(TD, sequence=sequence))
    assert str(sequence).encode() in document
    assert parse_bundle(TD, document).bundle.sequence == sequence


@pytest.mark.rows("BP-01")
@pytest.mark.parametrize("document", ["{}", '{"keys": null}', '{"keys": {}}', '{"keys": "x"}'])
def test_a_document_without_an_array_of_keys_is_refused(document: str) -> None:
    with pytest.raises(BundleError, match="keys is missing or not an array") as caught:
        parse_bundle(TD, document.encode())
    assert caught.value.rule == "Trust Domain and Bundle 4.1.3"


@pytest.mark.rows("BP-02")
def test_nothing_but_keys_is_required_and_unknown_members_do_no_harm() -> None:
    assert _parse() == ParsedBundle(TrustBundle(TD), ())
    assert _parse(X1, new={"deep": [1]}) == ParsedBundle(TrustBundle(TD, (ONE.root,)), ())


def _without(key: Mapping[str, object], name: str) -> dict[str, object]:
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
                (_without(J2, "kty"), "kty is neither EC nor RSA"),
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
                _without(X2, "use"),
            )
        ),
        *(
            pytest.param(bad, warning, marks=pytest.mark.rows("BP-05"))
            for bad, warning in (
                (_without(X2, "x5c"), "x5c is missing or empty"),
                ({**X2, "x5c": []}, "x5c is missing or empty"),
                ({**X2, "x5c": None}, "x5c is missing or empty"),
                ({**X2, "x5c": X2["x5c"][0]}, "x5c is missing or empty"),
                ({**X2, "x5c": [5]}, "x5c is missing or empty"),
            )
        ),
        *(
            pytest.param(bad, "kid is missing", marks=pytest.mark.rows("BP-16"))
            for bad in (_without(J2, "kid"), {**J2, "kid": ""}, {**J2, "kid": 5})
        ),
        ({**X2, "x5c": [""]}, "x5c holds no certificate in base64 DER"),
        ({**X2, "x5c": ["é"]}, "x5c holds no certificate in base64 DER"),
        ({**X2, "x5c": [X2["x5c"][0][:-8]]}, "x5c holds no certificate in base64 DER"),
        ({**X2, "x5c": ["-" + X2["x5c"][0]]}, "x5c holds no certificate in base64 DER"),
        ({**X2, "x5c": ["\n" + X2["x5c"][0]]}, "x5c holds no certificate in base64 DER"),
        ({**X2, "x5c": [_version_2(X2["x5c"][0])]}, "x5c holds no certificate in base64 DER"),
        ({**X2, "x5c": X3["x5c"]}, "the certificate in x5c is not of the entry's key"),
        (_without(X2, "x"), "x is missing or not a string"),
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
    parsed = _parse(J1, bad, X1)
    assert parsed.bundle == TrustBundle(TD, (ONE.root,), (ONE.jwt_authority,))
    (found,) = parsed.warnings
    assert found.startswith("keys[1] ignored: ")
    assert warning in found


@pytest.mark.rows("BP-05")
def test_a_bad_entry_before_the_good_ones_does_not_end_the_reading() -> None:
    parsed = _parse(_without(X2, "x5c"), {**X2, "use": "sig"}, _without(J2, "kid"), X1, J1)
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
    assert _parse({**X1, "x5c": [*X1["x5c"], *X2["x5c"]]}).bundle.x509_authorities == (ONE.root,)
    assert _parse({**X1, "x5c": [*X1["x5c"], 5]}).bundle.x509_authorities == (ONE.root,)


@pytest.mark.rows("BP-07")
def test_the_authorities_are_the_union_over_all_entries() -> None:
    parsed = _parse(X1, X2, X1, J1, J2, J1)
    assert parsed.bundle.x509_authorities == (ONE.root, TWO.root)
    assert parsed.bundle.jwt_authorities == (ONE.jwt_authority, TWO.jwt_authority)
    assert parsed.warnings == ()


@pytest.mark.rows("BP-08", "BP-10")
def test_keys_are_separated_by_kind() -> None:
    assert _parse(X1).bundle == TrustBundle(TD, (ONE.root,))
    assert _parse(J1).bundle == TrustBundle(TD, (), (ONE.jwt_authority,))


@pytest.mark.rows("BP-10")
def test_wit_keys_are_known_and_not_used() -> None:
    assert _parse({**J1, "use": "wit-svid"}) == ParsedBundle(TrustBundle(TD), ())


@pytest.mark.rows("BP-09")
def test_a_document_without_usable_keys_is_an_empty_bundle_and_no_error() -> None:
    assert _parse({**X1, "use": "sig"}).bundle == TrustBundle(TD)


@pytest.mark.rows("BP-13")
@pytest.mark.parametrize("value", ["5", 5.5, 5.0, True, -1, [5], {}])
@pytest.mark.parametrize("name", ["spiffe_sequence", "spiffe_refresh_hint"])
def test_a_sequence_or_hint_that_is_no_whole_number_counts_as_absent(
    name: str, value: object
) -> None:
    parsed = _parse(X1, **{name: value})
    assert parsed.bundle == TrustBundle(TD, (ONE.root,))
    assert parsed.warnings == (f"{name} ignored: not a whole number >= 0",)


def test_a_hint_that_no_calendar_holds_is_cut() -> None:
    hint = _parse(spiffe_refresh_hint=10**30).bundle.refresh_hint
    assert hint == timedelta(seconds=10**9)


def test_a_surplus_kid_on_an_x509_entry_is_ignored() -> None:
    assert _parse({**X1, "kid": "x", "alg": "ES256"}) == ParsedBundle(
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


@pytest.mark.rows("BP-17")
@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (b"", "not JSON"),
        (b"[]", "JSON is not an object"),
        (b'{"keys": []', "not JSON"),
        (b'{"keys": ["\xff"]}', "JSON is not UTF-8"),
        (b'\xef\xbb\xbf{"keys": []}', "not JSON"),
        ('{"keys": []}'.encode("utf-16"), "JSON is not UTF-8"),
        (b'{"keys": [], "keys": []}', "a member twice"),
        (b'{"keys": [], "spiffe_sequence": NaN}', "NaN is not JSON"),
        (b'{"keys": [' + b"[" * 5000, "nested deeper than 32"),
        (b'{"keys": [], "a": ' + b"[" * 40 + b"]" * 40 + b"}", "nested deeper than 32"),
    ],
)
def test_anything_but_utf8_json_with_one_meaning_is_refused(document: bytes, reason: str) -> None:
    with pytest.raises(BundleError, match=reason) as caught:
        parse_bundle(TD, document)
    assert caught.value.rule == "RFC 7517 5"


def test_a_document_without_end_is_refused() -> None:
    with pytest.raises(BundleError, match="larger than 4194304 bytes"):
        parse_bundle(TD, b" " * (4 * 1024 * 1024 + 1))
    with pytest.raises(BundleError, match="more than 1024 keys"):
        _parse(*[{}] * 1025)
    assert len(_parse(*[{}] * 1024).warnings) == 1024


def test_a_jwt_authority_of_a_document_is_the_one_that_was_written() -> None:
    (authority,) = _parse(J3).bundle.jwt_authorities
    assert authority == JwtAuthority(RSA.jwt_authority.key_id, RSA.jwt_authority.public_key)
