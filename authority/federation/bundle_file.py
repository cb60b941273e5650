"""Bundles as people hand them over: a SPIFFE bundle document, or X.509 roots in PEM. Pure."""

from __future__ import annotations

from cryptography import x509

from accredit.identity.bundle import ParsedBundle, TrustBundle, parse_bundle
from accredit.identity.errors import BundleError
from accredit.identity.spiffe_id import TrustDomain

_PEM = b"-----BEGIN CERTIFICATE-----"


def parse_bundle_file(trust_domain: TrustDomain, data: bytes) -> ParsedBundle:
    """Return the bundle that a file of ``trust_domain`` holds.

    Raises:
        BundleError: it is neither.
    """
    if _PEM not in data:
        return parse_bundle(trust_domain, data)
    try:
        authorities = tuple(x509.load_pem_x509_certificates(data))
    except (ValueError, x509.InvalidVersion) as error:
        raise BundleError("RFC 7468 5", f"the PEM cannot be read: {error}") from None
    return ParsedBundle(TrustBundle(trust_domain, authorities), ())
