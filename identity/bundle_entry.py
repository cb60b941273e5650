"""One entry of a bundle document: a JWK with ``use``, X509-SVID 6 and JWT-SVID 6."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from accredit.identity.errors import SpiffeIdError, X509SvidError
from accredit.identity.jwk import from_jwk, to_jwk
from accredit.identity.keys import PublicKey, is_supported, spki_der
from accredit.identity.spiffe_id import SpiffeId, TrustDomain
from accredit.identity.x509_profile import is_signing, public_key_of, uri_names

X509_USE = "x509-svid"
JWT_USE = "jwt-svid"
WIT_USE = "wit-svid"


def x509_entry(certificate: x509.Certificate) -> dict[str, object]:
    """Return the entry of one X.509 authority.

    Raises:
        X509SvidError: its key is of a kind that has no place in a bundle of ours.
    """
    der = certificate.public_bytes(Encoding.DER)
    return {
        "use": X509_USE,
        **to_jwk(_supported_key(certificate)),
        "x5c": [base64.b64encode(der).decode("ascii")],
    }


def jwt_key(key_id: str, key: PublicKey) -> dict[str, object]:
    """Return one JWT authority as a JWK without ``use``."""
    return {"kid": key_id, **to_jwk(key)}


def parse_x509_entry(jwk: Mapping[str, object]) -> x509.Certificate:
    """Return the first certificate of ``x5c``; the others do not count (X509-SVID 6.2).

    Raises:
        ValueError: not exactly what X509-SVID 6.1 asks for, so the entry is to be ignored.
    """
    certificate = _first_certificate(jwk.get("x5c"))
    try:
        if not is_signing(certificate):
            raise ValueError("the certificate lacks cA or keyCertSign")
        key = _supported_key(certificate)
    except X509SvidError as error:
        raise ValueError(error.reason) from None
    if spki_der(from_jwk(jwk)) != spki_der(key):
        raise ValueError("the certificate in x5c is not of the entry's key")
    return certificate


def _first_certificate(x5c: object) -> x509.Certificate:
    match x5c:
        case [str() as first, *_]:
            try:
                return x509.load_der_x509_certificate(base64.b64decode(first, validate=True))
            except (ValueError, x509.InvalidVersion):
                raise ValueError("x5c holds no certificate in base64 DER") from None
        case _:
            raise ValueError("x5c is missing or empty")


def _supported_key(certificate: x509.Certificate) -> PublicKey:
    key = public_key_of(certificate)
    if not is_supported(key):
        raise X509SvidError("X509-SVID 6.1", "the authority's key is of an unsupported kind")
    return key


def parse_jwt_entry(jwk: Mapping[str, object]) -> tuple[str, PublicKey]:
    """Return key ID and key.

    Raises:
        ValueError: not what JWT-SVID 6.1 asks for, so the entry is to be ignored.
    """
    match jwk.get("kid"):
        case str(key_id) if key_id:
            return key_id, from_jwk(jwk)
        case _:
            raise ValueError("kid is missing")


def doubt_about(certificate: x509.Certificate, trust_domain: TrustDomain) -> str:
    """Say what is odd about the name of an authority that verifies leaves all the same, or "".

    Paths are decided by RFC 5280, which does not look at a root's SAN, and X509-SVID 3.2 lets an
    authority of another trust domain, or one without an ID, sign. A trailing slash is tolerated:
    the standard's own example had one.
    """
    for uri in uri_names(certificate):
        try:
            spiffe_id = SpiffeId.parse(uri.removesuffix("/"))
        except SpiffeIdError:
            return f"the authority's URI SAN {uri[:100]!r} is not a SPIFFE ID"
        if spiffe_id != trust_domain.id:
            return f"the authority's ID is {str(spiffe_id)[:100]}, not {trust_domain.id}"
    return ""
