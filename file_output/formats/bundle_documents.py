"""Trust bundles as JSON: the SPIFFE bundle document, and the plain JWK Set of its JWT keys."""

from __future__ import annotations

from accredit.file_output.formats.content import Content
from accredit.identity.bundle import TrustBundle, encode_bundle
from accredit.identity.errors import BundleError


def spiffe_bundle(of: TrustBundle) -> Content:
    """Return the bundle document, Trust Domain and Bundle section 4.

    Raises:
        BundleError: it would hold no authority.
    """
    if not (of.x509_authorities or of.jwt_authorities):
        raise BundleError(
            "Trust Domain and Bundle 4.2", f"no authority of {of.trust_domain} is known"
        )
    return Content.plain(encode_bundle(of))


def jwks(of: TrustBundle) -> Content:
    """Return the JWT authorities as a JWK Set that JOSE libraries read.

    Raises:
        BundleError: there is none.
    """
    if not of.jwt_authorities:
        raise BundleError("JWT-SVID 6", f"no JWT authority of {of.trust_domain} is known")
    return Content.plain(of.jwks)
