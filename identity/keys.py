"""Key pairs for SVIDs and authorities: EC on a NIST curve, or RSA of at least 2048 bits."""

from __future__ import annotations

import hashlib
import re
from abc import abstractmethod
from collections.abc import Callable
from enum import StrEnum
from typing import TypeAlias, TypeGuard, TypeVar

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from accredit.identity.errors import PrivateKeyError

PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
PublicKey: TypeAlias = ec.EllipticCurvePublicKey | rsa.RSAPublicKey
T = TypeVar("T")

_MIN_RSA_BITS = 2048
_CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
_KEY_ID_CHARS = 32
_MAX_BYTES = 64 * 1024
_PEM_LABEL = b"-----BEGIN PRIVATE KEY-----"
# RFC 5958: SEQUENCE { INTEGER version, SEQUENCE algorithm, ... }. In SEC 1 and PKCS #1 an OCTET
# STRING or an INTEGER follows the version, and cryptography would load those just as gladly.
_PKCS8_HEAD = re.compile(rb"\x30(?:[\x00-\x7f]|\x81.|\x82..)\x02\x01[\x00\x01]\x30", re.DOTALL)


class KeyType(StrEnum):
    """The kinds of key that accredit generates, by their names in the configuration."""

    EC_P256 = "ec-p256"
    EC_P384 = "ec-p384"
    RSA_2048 = "rsa-2048"
    RSA_4096 = "rsa-4096"


class RemoteKey(ec.EllipticCurvePrivateKey):
    """A key that something else holds, such as a TPM: it signs slowly and cannot be taken out."""

    @abstractmethod
    async def run(self, work: Callable[[], T]) -> T:
        """Return what ``work``, which signs with this key, returns; the event loop goes on."""
        ...


def generate(kind: KeyType) -> PrivateKey:
    """Return a new key; RSA takes tens of milliseconds and more, EC microseconds."""
    match kind:
        case KeyType.EC_P256:
            return ec.generate_private_key(ec.SECP256R1())
        case KeyType.EC_P384:
            return ec.generate_private_key(ec.SECP384R1())
        case KeyType.RSA_2048:
            return rsa.generate_private_key(public_exponent=65537, key_size=2048)
        case KeyType.RSA_4096:
            return rsa.generate_private_key(public_exponent=65537, key_size=4096)


def is_supported(key: object) -> TypeGuard[PublicKey]:
    """Tell whether ``key`` is a public key of a kind and size that accredit uses."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        return isinstance(key.curve, _CURVES)
    return isinstance(key, rsa.RSAPublicKey) and key.key_size >= _MIN_RSA_BITS


def spki_der(public: PublicKey) -> bytes:
    """Return the SubjectPublicKeyInfo, which is equal for equal keys."""
    return public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def key_id(public: PublicKey) -> str:
    """Return 32 hex digits that name this key for ever: its truncated SHA-256."""
    return hashlib.sha256(spki_der(public)).hexdigest()[:_KEY_ID_CHARS]


def to_pkcs8_der(key: PrivateKey) -> bytes:
    """Return the key in PKCS #8, unencrypted, DER."""
    return _to_pkcs8(key, serialization.Encoding.DER)


def to_pkcs8_pem(key: PrivateKey) -> bytes:
    """Return the key in PKCS #8, unencrypted, PEM."""
    return _to_pkcs8(key, serialization.Encoding.PEM)


def _to_pkcs8(key: PrivateKey, encoding: serialization.Encoding) -> bytes:
    return key.private_bytes(
        encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def load_pkcs8(data: bytes) -> PrivateKey:
    """Load an unencrypted PKCS #8 key, DER or PEM.

    Raises:
        PrivateKeyError: another format, an encrypted key, or a kind or size accredit does not use.
    """
    if len(data) > _MAX_BYTES:
        raise PrivateKeyError("RFC 5958", f"longer than {_MAX_BYTES} bytes")
    key = _load(data)
    if isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) and is_supported(
        key.public_key()
    ):
        return key
    raise PrivateKeyError("RFC 5958", "expected EC on P-256, P-384 or P-521, or RSA from 2048 bits")


def _load(data: bytes) -> object:
    pem = data.lstrip().startswith(_PEM_LABEL)
    if not pem and not _PKCS8_HEAD.match(data):
        raise PrivateKeyError("RFC 5958", "expected unencrypted PKCS #8, as DER or PEM")
    load = serialization.load_pem_private_key if pem else serialization.load_der_private_key
    try:
        return load(data, password=None)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        # The library's text may quote what it read, so neither it nor its traceback goes on.
        raise PrivateKeyError("RFC 5958", "the key cannot be decoded") from None
