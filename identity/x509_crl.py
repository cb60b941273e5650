"""Certificate revocation lists, RFC 5280 section 5: one complete list for each CA."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from accredit.identity.keys import PrivateKey, is_supported
from accredit.identity.x509_extension import authority_key_id
from accredit.identity.x509_issue import hash_for


@dataclass(frozen=True, slots=True, order=True)
class RevokedSerial:
    """One line of a list: which certificate, and since when."""

    serial: int
    since: datetime


def build_crl(  # noqa: PLR0913  half of them by name
    issuer: x509.Certificate,
    key: PrivateKey,
    revoked: Iterable[RevokedSerial],
    *,
    number: int,
    this_update: datetime,
    next_update: datetime,
) -> x509.CertificateRevocationList:
    """Return the list of ``issuer``, whose key signs it; times in whole seconds.

    Verifiers refuse every certificate of ``issuer`` before ``this_update`` and after
    ``next_update``, so both need room for clocks that differ.
    """
    key_id = authority_key_id(issuer, key.public_key())
    extensions: list[x509.Extension[x509.ExtensionType]] = [
        x509.Extension(x509.CRLNumber.oid, critical=False, value=x509.CRLNumber(number)),
        x509.Extension(key_id.oid, critical=False, value=key_id),
    ]
    # Not by the builder's own methods, which copy the list for each line of it.
    return x509.CertificateRevocationListBuilder(
        issuer.subject,
        this_update,
        next_update,
        extensions,
        [_line(each) for each in sorted(revoked)],
    ).sign(key, hash_for(key))


def _line(revoked: RevokedSerial) -> x509.RevokedCertificate:
    return x509.RevokedCertificateBuilder(revoked.serial, revoked.since).build()


def signed_by(authorities: Iterable[x509.Certificate], crls: Iterable[bytes]) -> tuple[bytes, ...]:
    """Return, of lists in DER, those that one of ``authorities`` signed."""
    known = tuple(authorities)
    return tuple(der for der in crls if _issuer(der, known) is not None)


def is_revoked(
    certificate: x509.Certificate,
    authorities: Iterable[x509.Certificate],
    crls: Iterable[bytes],
) -> bool:
    """Tell whether a list that the certificate's issuer among ``authorities`` signed names it.

    A list of anybody else's, or one that cannot be read, says nothing. One that has ended counts:
    whoever listed a certificate does not take it back.
    """
    issuers = tuple(each for each in authorities if each.subject == certificate.issuer)
    serial = certificate.serial_number
    return any(serial in _serials(der) for der in signed_by(issuers, crls))


@lru_cache(maxsize=64)
def _serials(der: bytes) -> frozenset[int]:
    return frozenset(each.serial_number for each in x509.load_der_x509_crl(der))


@lru_cache(maxsize=64)
def _issuer(der: bytes, authorities: tuple[x509.Certificate, ...]) -> x509.Certificate | None:
    try:
        crl = x509.load_der_x509_crl(der)
        return next((each for each in authorities if _signed(crl, each)), None)
    except ValueError:
        return None


def _signed(crl: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    if crl.issuer != issuer.subject:
        return False
    try:
        public = issuer.public_key()
        return is_supported(public) and crl.is_signature_valid(public)
    except UnsupportedAlgorithm:
        return False
