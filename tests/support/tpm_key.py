"""What a key in a TPM signs, as its public key verifies it."""

from __future__ import annotations

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from accredit.attestation.tpm.key import TpmKey

ECDSA = ec.ECDSA(hashes.SHA256())


def signs(key: TpmKey) -> None:
    key.public_key().verify(key.sign(b"text", ECDSA), b"text", ECDSA)
