"""A TPM's description of one of its keys, TPMT_PUBLIC of TPM 2.0 part 2, section 12.2. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntFlag

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from accredit.attestation.tpm.wire import Reader
from accredit.identity.keys import PublicKey

_RSA, _ECC = 0x0001, 0x0023
_NULL, _AES, _CFB = 0x0010, 0x0006, 0x0043
_RSAES = 0x0015  # the one scheme without a hash
_ECDAA = 0x001A
_DEFAULT_EXPONENT = 65537
_RSA_BITS = (2048, 3072, 4096)
_CURVES: dict[int, ec.EllipticCurve] = {
    0x0003: ec.SECP256R1(),
    0x0004: ec.SECP384R1(),
    0x0005: ec.SECP521R1(),
}
Hash = hashes.SHA256 | hashes.SHA384 | hashes.SHA512
_HASHES: dict[int, type[Hash]] = {
    0x000B: hashes.SHA256,
    0x000C: hashes.SHA384,
    0x000D: hashes.SHA512,
}


class Attributes(IntFlag):
    """What a key may do, TPMA_OBJECT."""

    FIXED_TPM = 1 << 1
    FIXED_PARENT = 1 << 4
    SENSITIVE_DATA_ORIGIN = 1 << 5
    RESTRICTED = 1 << 16
    DECRYPT = 1 << 17
    SIGN = 1 << 18


@dataclass(frozen=True)
class Public:
    """``raw`` is what the TPM hashes into ``name``; ``symmetric_bits`` is 0 for keys that sign.

    ``scheme`` is how it signs and with which hash; 0 for keys that do not, or in any way.
    """

    raw: bytes = field(repr=False)
    name_hash: int
    attributes: Attributes
    symmetric_bits: int
    scheme: tuple[int, int]
    key: PublicKey

    @property
    def name(self) -> bytes:
        """What the TPM itself calls it: its hash, after which hash that is."""
        return self.name_hash.to_bytes(2, "big") + digest(self.hash, self.raw)

    @property
    def hash(self) -> Hash:
        """The hash of its name, and of everything that is protected by it."""
        return _HASHES[self.name_hash]()

    @property
    def scheme_hash(self) -> Hash:
        """The hash it signs with; KeyError for a key without a scheme."""
        return _HASHES[self.scheme[1]]()

    def has(self, wanted: Attributes) -> bool:
        """Tell whether all of these attributes are set."""
        return wanted in self.attributes


def digest(kind: Hash, data: bytes) -> bytes:
    """Return the hash of ``data``."""
    context = hashes.Hash(kind)
    context.update(data)
    return context.finalize()


def parse_public(raw: bytes) -> Public:
    """Parse the public area of an asymmetric key.

    Raises:
        AttestationError: malformed, or of a kind, size or hash that is not accepted here.
    """
    reader = Reader(raw, "the TPM's public area")
    kind, name_hash = reader.number(2), reader.number(2)
    read_hash(reader, name_hash)
    attributes = Attributes(reader.number(4))
    reader.sized()  # the policy; who may use the key is no concern of who checks it
    if kind not in {_RSA, _ECC}:
        raise reader.refused(f"is of kind {kind:#06x}, and RSA or ECC is expected")
    bits, scheme = _symmetric(reader), _scheme(reader)
    key = _rsa(reader) if kind == _RSA else _ecc(reader)
    reader.end()
    return Public(raw, name_hash, attributes, bits, scheme, key)


def read_hash(reader: Reader, number: int) -> Hash:
    """Return the hash of that number, if it is strong enough."""
    if number not in _HASHES:
        raise reader.refused(f"uses hash {number:#06x}, and SHA-256, -384 or -512 is expected")
    return _HASHES[number]()


def _symmetric(reader: Reader) -> int:
    algorithm = reader.number(2)
    if algorithm == _NULL:
        return 0
    bits, mode = reader.number(2), reader.number(2)
    if (algorithm, mode) != (_AES, _CFB) or bits not in {128, 256}:
        raise reader.refused("does not protect with AES in CFB mode")
    return bits


def _scheme(reader: Reader) -> tuple[int, int]:
    scheme = reader.number(2)
    if scheme in {_NULL, _RSAES}:
        return 0, 0
    number = reader.number(2)
    read_hash(reader, number)
    if scheme == _ECDAA:
        reader.number(2)
    return scheme, number


def _rsa(reader: Reader) -> rsa.RSAPublicKey:
    bits, exponent = reader.number(2), reader.number(4) or _DEFAULT_EXPONENT
    modulus = int.from_bytes(reader.sized(), "big")
    if bits not in _RSA_BITS or modulus.bit_length() != bits:
        raise reader.refused("holds an RSA key of a wrong size")
    try:
        return rsa.RSAPublicNumbers(exponent, modulus).public_key()
    except ValueError:
        raise reader.refused("holds no RSA key") from None


def _ecc(reader: Reader) -> ec.EllipticCurvePublicKey:
    curve = _CURVES.get(reader.number(2))
    if curve is None:
        raise reader.refused("holds a key on a curve that is not accepted")
    if reader.number(2) != _NULL:
        read_hash(reader, reader.number(2))
    x, y = (int.from_bytes(reader.sized(), "big") for _ in "xy")
    try:
        return ec.EllipticCurvePublicNumbers(x, y, curve).public_key()
    except ValueError:
        raise reader.refused("holds no point of its curve") from None
