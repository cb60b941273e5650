"""Which authorities of a bundle are roots: verifiers on OpenSSL know no partial chains."""

from __future__ import annotations

from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from accredit.identity.errors import X509SvidError
from accredit.identity.trust_bundle import TrustBundle
from accredit.identity.x509_profile import is_signing


def usable_roots(bundle: TrustBundle) -> tuple[x509.Certificate, ...]:
    """Return the authorities that can end a chain everywhere, in the order of the bundle."""
    return tuple(each for each in bundle.x509_authorities if is_root(each))


@lru_cache(maxsize=4096)
def is_root(certificate: x509.Certificate) -> bool:
    """Tell whether the certificate is a self-signed CA."""
    if certificate.issuer != certificate.subject:
        return False
    try:
        certificate.verify_directly_issued_by(certificate)
        return is_signing(certificate)
    except (InvalidSignature, ValueError, TypeError, X509SvidError):
        return False
