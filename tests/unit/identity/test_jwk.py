from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from accredit.identity.jwk import from_jwk, to_jwk
from accredit.identity.keys import KeyType, PublicKey, generate
from accredit.identity.strict_json import base64url_decode, base64url_encode

_EC = to_jwk(generate(KeyType.EC_P256).public_key())
_RSA = to_jwk(generate(KeyType.RSA_2048).public_key())


@pytest.mark.parametrize(
    "key",
    [
        *(generate(kind).public_key() for kind in (KeyType.EC_P256, KeyType.RSA_2048)),
        ec.generate_private_key(ec.SECP384R1()).public_key(),
        ec.generate_private_key(ec.SECP521R1()).public_key(),
    ],
    ids=["P-256", "RSA", "P-384", "P-521"],
)
def test_every_kind_of_key_survives(key: PublicKey) -> None:
    assert from_jwk(to_jwk(key)) == key


def _key_whose_x_begins_with_zero() -> ec.EllipticCurvePublicKey:
    for scalar in range(1, 10_000):
        key = ec.derive_private_key(scalar, ec.SECP256R1()).public_key()
        if key.public_numbers().x < 2**248:
            return key
    raise AssertionError("one key in 256 has it")


@pytest.mark.rows("BE-22")
def test_coordinates_have_full_width_and_rsa_numbers_are_minimal() -> None:
    jwk = to_jwk(_key_whose_x_begins_with_zero())
    assert [len(base64url_decode(jwk[name])) for name in ("x", "y")] == [32, 32]
    assert base64url_decode(jwk["x"])[0] == 0
    assert _RSA["e"] == "AQAB"
    assert len(base64url_decode(_RSA["n"])) == 256


@pytest.mark.rows("BE-12", "BE-23")
def test_a_jwk_holds_the_public_parameters_and_nothing_else() -> None:
    assert list(_EC) == ["kty", "crv", "x", "y"]
    assert list(_RSA) == ["kty", "n", "e"]


@pytest.mark.parametrize(
    ("jwk", "reason"),
    [
        ({}, "kty is neither EC nor RSA"),
        ({**_EC, "kty": "XYZ"}, "kty is neither EC nor RSA"),
        ({**_EC, "kty": ["EC"]}, "kty is neither EC nor RSA"),
        ({**_EC, "crv": "secp256k1"}, "crv is not"),
        ({**_EC, "crv": None}, "crv is missing or not a string"),
        ({**_EC, "crv": ["P-256"]}, "crv is missing or not a string"),
        ({**_EC, "x": 5}, "x is missing or not a string"),
        ({**_EC, "y": ""}, "y is missing or not a string"),
        ({**_EC, "x": _EC["x"] + "="}, "not base64url"),
        ({**_EC, "x": _EC["x"][:40]}, "full width of the curve"),
        ({**_EC, "x": base64url_encode(b"\0" + base64url_decode(_EC["x"]))}, "full width"),
        ({**_EC, "crv": "P-384"}, "full width of the curve"),
        ({**_EC, "y": _EC["x"]}, "no point of the curve"),
        ({**_RSA, "n": _RSA["n"][:172]}, "shorter than 2048 bits"),
        ({**_RSA, "e": "AQ"}, "no RSA key"),
        ({**_RSA, "n": _RSA["n"] * 9}, "n or e is too large"),
        ({**_RSA, "e": _RSA["n"]}, "n or e is too large"),
        ({"kty": "RSA", "e": "AQAB"}, "n is missing or not a string"),
    ],
)
def test_a_malformed_jwk_is_refused(jwk: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        from_jwk(jwk)
