"""Public keys as JSON Web Keys, RFC 7517 and RFC 7518 section 6."""

from __future__ import annotations

from collections.abc import Mapping

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from accredit.identity.keys import PublicKey, is_supported
from accredit.identity.strict_json import base64url_decode, base64url_encode

_CURVES: dict[str, ec.EllipticCurve] = {
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
    "P-521": ec.SECP521R1(),
}
_NAMES = {curve.name: name for name, curve in _CURVES.items()}
_MAX_RSA_BITS = 16384


def to_jwk(key: PublicKey) -> dict[str, str]:
    """Return ``kty`` and the key's own members, nothing else."""
    if isinstance(key, rsa.RSAPublicKey):
        rsa_numbers = key.public_numbers()
        return {"kty": "RSA", "n": _minimal(rsa_numbers.n), "e": _minimal(rsa_numbers.e)}
    numbers = key.public_numbers()
    width = _width(key.curve)
    return {
        "kty": "EC",
        "crv": _NAMES[key.curve.name],
        "x": base64url_encode(numbers.x.to_bytes(width, "big")),
        "y": base64url_encode(numbers.y.to_bytes(width, "big")),
    }


def from_jwk(jwk: Mapping[str, object]) -> PublicKey:
    """Return the public key in ``jwk``.

    Raises:
        ValueError: an unknown ``kty``, a member missing or malformed, or a key that is too weak.
    """
    match jwk.get("kty"):
        case "EC":
            key = _from_ec(jwk)
        case "RSA":
            key = _from_rsa(jwk)
        case _:
            raise ValueError("kty is neither EC nor RSA")
    if not is_supported(key):
        raise ValueError("the RSA key is shorter than 2048 bits")
    return key


def _from_ec(jwk: Mapping[str, object]) -> PublicKey:
    curve = _CURVES.get(_text(jwk, "crv"))
    if curve is None:
        raise ValueError("crv is not P-256, P-384 or P-521")
    x, y = (base64url_decode(_text(jwk, name)) for name in ("x", "y"))
    if not len(x) == len(y) == _width(curve):
        raise ValueError("x or y does not have the full width of the curve")
    numbers = ec.EllipticCurvePublicNumbers(
        int.from_bytes(x, "big"), int.from_bytes(y, "big"), curve
    )
    try:
        return numbers.public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("x and y are no point of the curve") from None


def _from_rsa(jwk: Mapping[str, object]) -> PublicKey:
    n, e = (int.from_bytes(base64url_decode(_text(jwk, name)), "big") for name in ("n", "e"))
    # A stranger chooses n and e, and the time to verify grows with both.
    if n.bit_length() > _MAX_RSA_BITS or e.bit_length() > 64:
        raise ValueError("n or e is too large")
    try:
        return rsa.RSAPublicNumbers(e, n).public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("n and e are no RSA key") from None


def _text(jwk: Mapping[str, object], name: str) -> str:
    value = jwk.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} is missing or not a string")
    return value


def _minimal(number: int) -> str:
    return base64url_encode(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def _width(curve: ec.EllipticCurve) -> int:
    return (curve.key_size + 7) // 8
