"""Bundles as people hand them over: a SPIFFE bundle document or map, or roots in PEM. Pure."""

from __future__ import annotations

from cryptography import x509

from accredit.identity.bundle import ParsedBundle, TrustBundle, parse_bundle
from accredit.identity.bundle_map import is_bundle_map, parse_bundle_map
from accredit.identity.errors import BundleError
from accredit.identity.spiffe_id import TrustDomain
from accredit.identity.x509_profile import uri_names

_PEM = b"-----BEGIN CERTIFICATE-----"


def parse_bundle_file(trust_domain: TrustDomain, data: bytes) -> ParsedBundle:
    """Return the bundle that a file of ``trust_domain`` holds.

    Raises:
        BundleError: it is none of them, or a map without that trust domain.
    """
    if is_bundle_map(data):
        return _of_map(trust_domain, data)
    if _PEM not in data:
        return parse_bundle(trust_domain, data)
    try:
        authorities = tuple(x509.load_pem_x509_certificates(data))
    except (ValueError, x509.InvalidVersion) as error:
        raise BundleError("RFC 7468 5", f"the PEM cannot be read: {error}") from None
    return ParsedBundle(TrustBundle(trust_domain, authorities), ())


def _of_map(trust_domain: TrustDomain, data: bytes) -> ParsedBundle:
    found = parse_bundle_map(data).get(trust_domain)
    if found is None:
        text = f"the map holds no bundle of {trust_domain}"
        raise BundleError("Trust Domain and Bundle 5.1.1", text)
    return found


def require_meant(parsed: ParsedBundle) -> None:
    """Require of a bundle that an operator sets what one that was fetched need not fulfil.

    A partner may withdraw all of its keys, and name its roots as it likes; an operator who brings
    such a file has more likely taken the wrong one.

    Raises:
        BundleError: no key in it can be used, or a root has the ID of another trust domain.
    """
    bundle = parsed.bundle
    if not bundle.x509_authorities and not bundle.jwt_authorities:
        reasons = "; ".join(parsed.warnings) or "it is empty"
        raise BundleError("Trust Domain and Bundle 4.1.3", f"no key in it can be used: {reasons}")
    for certificate in bundle.x509_authorities:
        for uri in uri_names(certificate):
            if uri.removesuffix("/") != str(bundle.trust_domain.id):
                text = f"it has a root of {uri[:100]!r}, not of {bundle.trust_domain.id}"
                raise BundleError("X509-SVID 3.2", text)
