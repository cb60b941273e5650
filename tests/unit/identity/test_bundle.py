from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography import x509
from jwt import PyJWK
from support.bundle_document import (
    BUNDLE,
    DOCUMENT,
    J1,
    J2,
    J3,
    ONE,
    RSA,
    TD,
    TWO,
    X1,
    X2,
    X3,
    parsed_keys,
)

from accredit.identity.bundle import (
    JwtAuthority,
    ParsedBundle,
    TrustBundle,
    encode_bundle,
    parse_bundle,
)


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


def test_a_jwt_authority_of_a_document_is_the_one_that_was_written() -> None:
    (authority,) = parsed_keys(J3).bundle.jwt_authorities
    assert authority == JwtAuthority(RSA.jwt_authority.key_id, RSA.jwt_authority.public_key)
