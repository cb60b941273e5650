"""JWS Compact Serialization as JWT-SVID section 2 narrows it: nine algorithms, three headers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from accredit.identity.errors import JwtSvidError
from accredit.identity.keys import PrivateKey, PublicKey
from accredit.identity.strict_json import base64url_decode, loads_object

if TYPE_CHECKING:
    from jwt.algorithms import Algorithm

MAX_TOKEN_CHARS = 16 * 1024

_ALGORITHMS = frozenset(f"{kind}{bits}" for kind in ("RS", "ES", "PS") for bits in (256, 384, 512))
_EC_ALGORITHMS = {
    ec.SECP256R1.name: "ES256",
    ec.SECP384R1.name: "ES384",
    ec.SECP521R1.name: "ES512",
}
_TYPES = ("JWT", "JOSE")
# Each of these lets the sender choose the key or change how the token is read.
_REFUSED_HEADERS = ("jku", "jwk", "x5u", "x5c", "crit", "b64", "zip", "enc", "cty")


@dataclass(frozen=True)
class Jws:
    """A token taken apart, its header checked, its signature not."""

    algorithm: str
    key_id: str | None
    payload: bytes
    signed: bytes
    signature: bytes

    def fits(self, key: PublicKey) -> bool:
        """Tell whether ``key`` is of the kind that the algorithm demands, RFC 7518 section 3.1."""
        if isinstance(key, rsa.RSAPublicKey):
            return self.algorithm[:2] in {"RS", "PS"}
        return self.algorithm == _EC_ALGORITHMS.get(key.curve.name)

    def signed_by(self, key: PublicKey) -> bool:
        """Tell whether ``key`` fits the algorithm and verifies the signature."""
        implementation = _implementation(self.algorithm)
        return self.fits(key) and implementation.verify(self.signed, key, self.signature)


def algorithm_for(key: PrivateKey) -> str:
    """Return the ``alg`` to sign with.

    Raises:
        JwtSvidError: JWT-SVID knows no algorithm for this key.
    """
    match key:
        case rsa.RSAPrivateKey():
            return "RS256"
        case ec.EllipticCurvePrivateKey(curve=curve) if curve.name in _EC_ALGORITHMS:
            return _EC_ALGORITHMS[curve.name]
        case _:
            raise JwtSvidError("JWT-SVID 2.1", "no algorithm of the standard fits the signing key")


def sign(signing_input: bytes, key: PrivateKey) -> bytes:
    """Return the raw signature of ``algorithm_for(key)``."""
    return _implementation(algorithm_for(key)).sign(signing_input, key)


def parse(token: str) -> Jws:
    """Take a token apart; the algorithm is checked before anything else in it is looked at.

    Raises:
        JwtSvidError: not compact form, or a header that JWT-SVID section 2 forbids.
    """
    if len(token) > MAX_TOKEN_CHARS:
        raise JwtSvidError("JWT-SVID 2", f"longer than {MAX_TOKEN_CHARS} characters")
    parts = token.split(".")
    if len(parts) != 3 or not all(parts):
        raise JwtSvidError("JWT-SVID 2", "not a signed token in JWS Compact Serialization")
    header = _header(parts[0])
    algorithm = _algorithm(header)
    _check_headers(header)
    return Jws(
        algorithm=algorithm,
        key_id=_key_id(header),
        payload=_decode(parts[1], "payload"),
        signed=f"{parts[0]}.{parts[1]}".encode("ascii"),
        signature=_decode(parts[2], "signature"),
    )


@cache
def _implementation(algorithm: str) -> Algorithm:
    # PyJWT comes with the first token: it brings an HTTP client, which nobody here ever needs.
    from jwt.algorithms import ECAlgorithm, RSAAlgorithm, RSAPSSAlgorithm  # noqa: PLC0415

    kinds = {"RS": RSAAlgorithm, "ES": ECAlgorithm, "PS": RSAPSSAlgorithm}
    kind = kinds[algorithm[:2]]
    found: Algorithm = kind(getattr(kind, f"SHA{algorithm[2:]}"))
    return found


def _header(part: str) -> dict[str, object]:
    try:
        return loads_object(_decode(part, "header"))
    except ValueError as error:
        raise JwtSvidError("RFC 7515 4", f"header: {error}") from None


def _decode(part: str, place: str) -> bytes:
    try:
        return base64url_decode(part)
    except ValueError as error:
        raise JwtSvidError("RFC 7515 3.1", f"{place}: {error}") from None


def _algorithm(header: Mapping[str, object]) -> str:
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in _ALGORITHMS:
        raise JwtSvidError("JWT-SVID 2.1", f"alg {str(algorithm)[:20]!r} is not allowed")
    return algorithm


def _check_headers(header: Mapping[str, object]) -> None:
    if "typ" in header and header["typ"] not in _TYPES:
        raise JwtSvidError("JWT-SVID 2.3", "typ is neither JWT nor JOSE")
    for name in _REFUSED_HEADERS:
        if name in header:
            raise JwtSvidError("JWT-SVID 2", f"header {name} is not allowed")


def _key_id(header: Mapping[str, object]) -> str | None:
    match header.get("kid"):
        case None if "kid" not in header:
            return None
        case str(key_id) if key_id:
            return key_id
        case _:
            raise JwtSvidError("RFC 7515 4.1.4", "kid is empty or not a string")
