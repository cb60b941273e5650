"""Checks before anything is written: programs take much that no peer of theirs would."""

from __future__ import annotations

from datetime import datetime

from accredit.file_output.material import Material
from accredit.identity.bundle import TrustBundle
from accredit.identity.errors import BundleError, UnavailableError, X509SvidError
from accredit.identity.jwt_verify import validate_jwt_svid
from accredit.identity.x509_svid import X509Svid
from accredit.identity.x509_verify import verify_x509_svid


def check_bundles(material: Material) -> None:
    """Require each bundle to be of the trust domain it is kept under.

    Raises:
        BundleError: one is not, so that a stranger would be believed.
    """
    for trust_domain, bundle in material.bundles.items():
        if bundle.trust_domain != trust_domain:
            raise BundleError(
                "X509-SVID 5.1", f"the bundle of {trust_domain} is that of {bundle.trust_domain}"
            )


def own_bundle(material: Material) -> TrustBundle:
    """Return the own trust domain's bundle.

    Raises:
        UnavailableError: there is none just now.
    """
    bundle = material.bundles.get(material.own)
    if bundle is None:
        raise UnavailableError(f"the bundle of {material.own} is not there yet")
    return bundle


def checked_svid(material: Material, now: datetime) -> X509Svid:
    """Return the SVID after checking what a peer will check.

    Raises:
        UnavailableError: there is none just now.
        X509SvidError: it is of another trust domain, its key does not fit, it is not valid now, or
            its chain does not lead to the own bundle.
    """
    svid = material.svid
    if svid is None:
        raise UnavailableError("there is no X.509-SVID just now")
    # The type promises all but the path to the root; it is built again so that a mistake there
    # shows here and not in the program.
    X509Svid(svid.spiffe_id, svid.chain, svid.key)
    if svid.spiffe_id.trust_domain != material.own:
        raise X509SvidError("X509-SVID 2", f"{svid.spiffe_id} is not of {material.own}")
    verify_x509_svid(svid.chain, {material.own: own_bundle(material)}, now)
    return svid


def checked_token(material: Material, audience: str, now: datetime) -> str:
    """Return the JWT-SVID for ``audience`` after checking what its receiver will check.

    Raises:
        UnavailableError: there is none just now.
        JwtSvidError: it is not valid now, or not for this audience.
    """
    token = material.tokens.get(audience)
    if token is None:
        raise UnavailableError(f"there is no JWT-SVID for audience {audience!r} just now")
    validate_jwt_svid(token, [audience], {material.own: own_bundle(material)}, now)
    return token
