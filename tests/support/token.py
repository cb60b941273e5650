"""Tokens with any defect, signed with cryptography alone: a stranger to our own JOSE code."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from accredit.identity.keys import PrivateKey, PublicKey
from support.clock import EPOCH

_HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
_PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)


def part(value: object) -> str:
    """Return base64url of bytes, or of text, or of a value as JSON."""
    if not isinstance(value, bytes | str):
        value = json.dumps(value)
    data = value.encode() if isinstance(value, str) else value
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass(frozen=True)
class Token:
    """A valid token for audience ``aud`` unless told otherwise; None drops a member.

    ``raw_claims`` and ``raw_header`` replace the whole part by JSON text of the test's choice.
    """

    key: PrivateKey
    header: Mapping[str, Any] = field(default_factory=dict)
    claims: Mapping[str, Any] = field(default_factory=dict)
    raw_header: str | None = None
    raw_claims: str | None = None
    alg: str = "ES256"
    now: datetime = EPOCH

    def but(self, **changes: Any) -> Token:
        return replace(self, **changes)

    def __str__(self) -> str:
        signed = f"{part(self._header())}.{part(self._claims())}"
        return f"{signed}.{part(sign(signed.encode(), self.key, self.alg))}"

    def _header(self) -> object:
        header = {"alg": self.alg, "typ": "JWT", **self.header}
        return self.raw_header or {k: v for k, v in header.items() if v is not None}

    def _claims(self) -> object:
        seconds = int(self.now.timestamp())
        valid = {"sub": "spiffe://td.example/a", "aud": ["aud"], "exp": seconds + 300}
        claims = {**valid, **self.claims}
        return self.raw_claims or {k: v for k, v in claims.items() if v is not None}


def sign(data: bytes, key: PrivateKey, alg: str) -> bytes:
    """Sign as RFC 7518 says, with the hash that ``alg`` ends in, whatever the key."""
    digest = _HASHES.get(alg[2:], hashes.SHA256())
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, _PSS if alg.startswith("PS") else padding.PKCS1v15(), digest)
    width = (key.key_size + 7) // 8
    r, s = decode_dss_signature(key.sign(data, ec.ECDSA(digest)))
    return r.to_bytes(width, "big") + s.to_bytes(width, "big")


def verify(token: str, key: PublicKey, alg: str) -> None:
    """Raise InvalidSignature unless ``key`` signed the token."""
    signed, _, signature = token.rpartition(".")
    data, raw, digest = signed.encode(), decode(signature), _HASHES[alg[2:]]
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(raw, data, padding.PKCS1v15(), digest)
        return
    width = (key.key_size + 7) // 8
    assert len(raw) == 2 * width
    numbers = (int.from_bytes(raw[:width], "big"), int.from_bytes(raw[width:], "big"))
    key.verify(encode_dss_signature(*numbers), data, ec.ECDSA(digest))
