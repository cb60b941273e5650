"""Statements in a TPM's format, made without one: what a liar could send to a verifier."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from accredit.attestation.tpm.public_area import Attributes, Public, parse_public
from accredit.attestation.tpm.statement import CERTIFY, QUOTE
from accredit.attestation.tpm.wire import sized

SHA256, SHA384, NULL = 0x000B, 0x000C, 0x0010
RSASSA, RSAPSS, ECDSA = 0x0014, 0x0016, 0x0018
INSIDE = Attributes.FIXED_TPM | Attributes.FIXED_PARENT | Attributes.SENSITIVE_DATA_ORIGIN
ATTESTS = INSIDE | Attributes.RESTRICTED | Attributes.SIGN
ENDORSES = INSIDE | Attributes.RESTRICTED | Attributes.DECRYPT
SIGNS = INSIDE | Attributes.SIGN

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def _u16(number: int) -> bytes:
    return number.to_bytes(2, "big")


def _u32(number: int) -> bytes:
    return number.to_bytes(4, "big")


def public_area(
    key: Key,
    attributes: Attributes,
    *,
    scheme: int = 0,
    scheme_hash: int = SHA256,
    name_hash: int = SHA256,
) -> bytes:
    """Return the TPMT_PUBLIC of a key; those that decrypt protect with AES-128."""
    decrypts = Attributes.DECRYPT in attributes
    symmetric = _u16(6) + _u16(128) + _u16(0x43) if decrypts else _u16(NULL)
    how = _u16(scheme) + _u16(scheme_hash) if scheme else _u16(NULL)
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.public_key().public_numbers()
        size = key.key_size
        kind, body = 0x0001, _u16(size) + _u32(0) + sized(numbers.n.to_bytes(size // 8, "big"))
    else:
        point = key.public_key().public_numbers()
        curve = {256: 3, 384: 4, 521: 5}[key.key_size]
        size = (key.key_size + 7) // 8
        unique = sized(point.x.to_bytes(size, "big")) + sized(point.y.to_bytes(size, "big"))
        kind, body = 0x0023, _u16(curve) + _u16(NULL) + unique
    head = _u16(kind) + _u16(name_hash) + _u32(int(attributes)) + sized(b"")
    return head + symmetric + how + body


@dataclass(frozen=True)
class Forger:
    """A key that no TPM ever saw, and what it claims to be."""

    key: Key
    attributes: Attributes = ATTESTS
    scheme: int = ECDSA
    scheme_hash: int = SHA256
    reported: dict[int, bytes] = field(default_factory=dict)

    @property
    def public(self) -> Public:
        return parse_public(
            public_area(self.key, self.attributes, scheme=self.scheme, scheme_hash=self.scheme_hash)
        )

    def claiming(self, attributes: Attributes) -> Forger:
        return replace(self, attributes=attributes)

    def sign(self, raw: bytes) -> bytes:
        """Return a TPMT_SIGNATURE."""
        kind = {SHA256: hashes.SHA256(), SHA384: hashes.SHA384()}[self.scheme_hash]
        head = _u16(self.scheme) + _u16(self.scheme_hash)
        if isinstance(self.key, rsa.RSAPrivateKey):
            pss = padding.PSS(padding.MGF1(kind), kind.digest_size)
            how = pss if self.scheme == RSAPSS else padding.PKCS1v15()
            return head + sized(self.key.sign(raw, how, kind))
        r, s = decode_dss_signature(self.key.sign(raw, ec.ECDSA(kind)))
        return head + sized(r.to_bytes(66, "big")) + sized(s.to_bytes(66, "big"))

    def quote(self, nonce: bytes, pcrs: dict[int, bytes], *, bank: int = SHA256) -> bytes:
        """Return a TPMS_ATTEST about registers."""
        kind = {SHA256: "sha256", SHA384: "sha384"}[self.scheme_hash]
        values = b"".join(pcrs[number] for number in sorted(pcrs))
        chosen = sum(1 << number for number in pcrs).to_bytes(3, "little")
        selection = _u32(1) + _u16(bank) + bytes([3]) + chosen
        digest = hashlib.new(kind, values).digest()
        return statement(QUOTE, nonce, selection + sized(digest))

    def certification(self, about: Public, name: bytes | None = None) -> bytes:
        """Return a TPMS_ATTEST about another key."""
        found = about.name if name is None else name
        return statement(CERTIFY, b"", sized(found) + sized(found))


def statement(kind: int, extra: bytes, body: bytes, *, magic: int = 0xFF544347) -> bytes:
    clock = bytes(8) + _u32(7) + _u32(3) + b"\x01" + bytes(8)
    return _u32(magic) + _u16(kind) + sized(b"signer") + sized(extra) + clock + body
