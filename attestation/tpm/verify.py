"""What makes a TPM's word count: which keys may say what, and about whom. Pure.

Stricter than other verifiers: every attribute that keeps a key inside its TPM is demanded of every
key, and a certificate must be over that very key.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from cryptography import x509

from accredit.attestation.tpm.public_area import Attributes, Public, digest
from accredit.attestation.tpm.statement import (
    CERTIFY,
    QUOTE,
    Statement,
    check_signature,
    parse_statement,
)
from accredit.identity.errors import AttestationError
from accredit.identity.keys import is_supported, spki_der

_MADE_INSIDE = Attributes.FIXED_TPM | Attributes.FIXED_PARENT | Attributes.SENSITIVE_DATA_ORIGIN
_LEAST_NONCE = 16


def check_attestation_key(key: Public) -> None:
    """Require a key that signs what the TPM itself says, and nothing from outside.

    Raises:
        AttestationError: it could leave the TPM, or sign an invented statement.
    """
    _require(key, _MADE_INSIDE | Attributes.RESTRICTED | Attributes.SIGN, "the attestation key")
    if Attributes.DECRYPT in key.attributes or key.scheme == (0, 0):
        raise AttestationError("the attestation key may do more than attest")


def check_endorsement_key(key: Public, certificate: x509.Certificate) -> None:
    """Require the key of an endorsement certificate, one that only decrypts inside its TPM.

    Raises:
        AttestationError: it is of another kind, or the certificate is over another key.
    """
    _require(key, _MADE_INSIDE | Attributes.RESTRICTED | Attributes.DECRYPT, "the endorsement key")
    if Attributes.SIGN in key.attributes or not key.symmetric_bits:
        raise AttestationError("the endorsement key may do more than decrypt")
    _check_certificate(key, certificate, "the endorsement certificate")


def check_device_key(key: Public, certificate: x509.Certificate) -> None:
    """Require the key of a device certificate, one that signs inside its TPM.

    Raises:
        AttestationError: it could leave the TPM, or the certificate is over another key.
    """
    _require(key, _MADE_INSIDE | Attributes.SIGN, "the device key")
    if Attributes.DECRYPT in key.attributes:
        raise AttestationError("the device key may do more than sign")
    _check_certificate(key, certificate, "the device certificate")


def verify_certification(raw: bytes, signature: bytes, by: Public, about: Public) -> Statement:
    """Return the statement by one key that another is in the same TPM.

    Raises:
        AttestationError: it is not, or nobody says so.
    """
    statement = _signed(raw, signature, by, CERTIFY)
    if not hmac.compare_digest(statement.name, about.name):
        raise AttestationError("the TPM certifies another key")
    return statement


def verify_quote(
    raw: bytes, signature: bytes, by: Public, nonce: bytes, pcrs: Mapping[int, bytes]
) -> Statement:
    """Return the statement that the registers held these values when the nonce was new.

    The caller makes the nonce, at least 16 random bytes, and takes it once only.

    Raises:
        AttestationError: they did not, other registers were quoted, or the answer is an old one.
    """
    if len(nonce) < _LEAST_NONCE or not pcrs:
        raise ValueError("a quote needs 16 bytes of nonce and at least one register")
    statement = _signed(raw, signature, by, QUOTE)
    if not hmac.compare_digest(statement.extra, nonce):
        raise AttestationError("the quote answers another question")
    if statement.pcrs != tuple(sorted(pcrs)):
        raise AttestationError("the quote is about other registers than asked")
    if not hmac.compare_digest(statement.pcr_digest, composite(by, pcrs)):
        raise AttestationError("the quoted registers hold other values than claimed")
    return statement


def composite(signer: Public, pcrs: Mapping[int, bytes]) -> bytes:
    """Return what a quote holds instead of the values: their hash, in order of their numbers."""
    return digest(signer.scheme_hash, b"".join(pcrs[number] for number in sorted(pcrs)))


def _signed(raw: bytes, signature: bytes, by: Public, kind: int) -> Statement:
    check_attestation_key(by)
    check_signature(raw, signature, by)
    statement = parse_statement(raw)
    if statement.kind != kind:
        raise AttestationError("the TPM states something else than asked")
    return statement


def _require(key: Public, wanted: Attributes, what: str) -> None:
    missing = wanted & ~key.attributes
    if missing:
        raise AttestationError(f"{what} lacks {missing.name}")


def _check_certificate(key: Public, certificate: x509.Certificate, what: str) -> None:
    found = certificate.public_key()
    if not is_supported(found) or spki_der(found) != spki_der(key.key):
        raise AttestationError(f"{what} is over another key")
