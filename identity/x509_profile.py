"""What X509-SVID asks of a single certificate, apart from any chain."""

from __future__ import annotations

from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from accredit.identity.errors import SpiffeIdError, X509SvidError
from accredit.identity.spiffe_id import SpiffeId

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)


def check_leaf(certificate: x509.Certificate) -> SpiffeId:
    """Return the SPIFFE ID of a leaf, X509-SVID section 5.2. Says nothing of who signed it.

    Raises:
        X509SvidError: the certificate is no leaf X.509-SVID.
    """
    spiffe_id = _leaf_id(certificate)
    constraints = find_extension(certificate, x509.BasicConstraints)
    if constraints is not None and constraints.ca:
        raise X509SvidError("X509-SVID 5.2", "a leaf must not have cA set")
    usage = find_extension(certificate, x509.KeyUsage)
    if usage is None or not usage.digital_signature:
        raise X509SvidError("X509-SVID 4.3", "a leaf must have key usage digitalSignature")
    if usage.key_cert_sign or usage.crl_sign:
        raise X509SvidError("X509-SVID 5.2", "a leaf must not have keyCertSign or cRLSign")
    return spiffe_id


def _leaf_id(certificate: x509.Certificate) -> SpiffeId:
    uris = uri_names(certificate)
    if len(uris) != 1:
        raise X509SvidError("X509-SVID 2", f"expected exactly one URI SAN, found {len(uris)}")
    try:
        spiffe_id = SpiffeId.parse(uris[0])
    except SpiffeIdError as error:
        raise X509SvidError("X509-SVID 5.2", str(error)) from None
    if not spiffe_id.path:
        raise X509SvidError("X509-SVID 5.2", f"a leaf's SPIFFE ID needs a path: {spiffe_id}")
    return spiffe_id


def is_signing(certificate: x509.Certificate) -> bool:
    """Tell whether the certificate may sign others: cA and keyCertSign, X509-SVID 4.1 and 4.3.

    Raises:
        X509SvidError: its extensions cannot be read.
    """
    constraints = find_extension(certificate, x509.BasicConstraints)
    usage = find_extension(certificate, x509.KeyUsage)
    return bool(constraints and constraints.ca and usage and usage.key_cert_sign)


def uri_names(certificate: x509.Certificate) -> list[str]:
    """Return the URI SANs, of whatever scheme.

    Raises:
        X509SvidError: its extensions cannot be read.
    """
    names = find_extension(certificate, x509.SubjectAlternativeName)
    return names.get_values_for_type(x509.UniformResourceIdentifier) if names else []


def follows(upper: x509.Certificate, lower: x509.Certificate) -> bool:
    """Tell whether ``upper`` may have signed ``lower``, by names alone.

    Raises:
        X509SvidError: a name cannot be read; cryptography reads them at first use only.
    """
    try:
        return lower.issuer == upper.subject and is_signing(upper)
    except ValueError as error:
        raise X509SvidError("RFC 5280 4.1.2", f"a name cannot be read: {error}") from None


def public_key_of(certificate: x509.Certificate) -> CertificatePublicKeyTypes:
    """Return the certificate's public key.

    Raises:
        X509SvidError: it cannot be read; cryptography reads it at first use only.
    """
    try:
        return certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise X509SvidError("RFC 5280 4.1.2.7", f"public key cannot be read: {error}") from None


def find_extension(certificate: x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    """Return one extension's value, or None.

    Raises:
        X509SvidError: the extensions cannot be read; cryptography reads them at first use only.
    """
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise X509SvidError("RFC 5280 4.2", f"extensions cannot be read: {error}") from None
