"""What PKCS #12 and JKS have in common."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache

from cryptography import x509

from accredit.identity.spiffe_id import TrustDomain

KEY_ALIAS = "svid"
_SALT = b"accredit file output"


def aliases(trust_domain: TrustDomain, authorities: Sequence[x509.Certificate]) -> list[str]:
    """Return a name for each authority; Java keeps one certificate a name, in lower case."""
    return [f"{trust_domain}-{number}" for number, _ in enumerate(authorities, 1)]


def identity(content: bytes, password: str) -> bytes:
    """Return what tells two keystores apart, made so that it cannot be used to guess a password."""
    return hashlib.sha256(content).digest() + _slow_hash(password)


@lru_cache(maxsize=64)
def _slow_hash(password: str) -> bytes:
    # It ends up in the name of a folder that everybody can read.
    return hashlib.scrypt(password.encode("ascii"), salt=_SALT, n=2**14, r=8, p=1, dklen=32)
