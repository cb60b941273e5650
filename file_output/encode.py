"""Which encoding each kind of file has."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from accredit.file_output import checks
from accredit.file_output.formats import bundle_documents, envoy_sds, jks, pem, pkcs12
from accredit.file_output.formats.content import Content
from accredit.file_output.given import Given
from accredit.file_output.material import Material
from accredit.file_output.spec import FileSpec, Kind
from accredit.identity.bundle import TrustBundle
from accredit.identity.errors import UnavailableError
from accredit.identity.x509_svid import X509Svid

_OF_SVID: dict[Kind, Callable[[X509Svid], Content]] = {
    Kind.CERTIFICATE: pem.certificate,
    Kind.KEY: pem.key,
    Kind.COMBINED: pem.combined,
    Kind.ENVOY_SDS_CERT: envoy_sds.certificate,
}
_KEYSTORES: dict[Kind, Callable[[X509Svid, str], Content]] = {
    Kind.PKCS12: pkcs12.keystore,
    Kind.JKS: jks.keystore,
}
_OF_BUNDLE: dict[Kind, Callable[[TrustBundle], Content]] = {
    Kind.OWN_BUNDLE: pem.bundle,
    Kind.CRL: pem.crl,
    Kind.FOREIGN_BUNDLES: pem.bundle,
    Kind.BUNDLE_JSON: bundle_documents.spiffe_bundle,
    Kind.FOREIGN_BUNDLE_JSON: bundle_documents.spiffe_bundle,
    Kind.JWKS: bundle_documents.jwks,
    Kind.FOREIGN_JWKS: bundle_documents.jwks,
}
_TRUSTSTORES: dict[Kind, Callable[[TrustBundle, str], Content]] = {
    Kind.PKCS12_TRUST: pkcs12.truststore,
    Kind.JKS_TRUST: jks.truststore,
}


def encode(spec: FileSpec, material: Material, given: Given, now: datetime) -> Content:
    """Return what a file that is not of a foreign trust domain holds.

    Raises:
        AccreditError: a part of it is missing, invalid, or would believe everyone.
    """
    if (of_svid := _OF_SVID.get(spec.kind)) is not None:
        return of_svid(checks.checked_svid(material, now))
    if (keystore := _KEYSTORES.get(spec.kind)) is not None:
        return keystore(checks.checked_svid(material, now), _password(spec, given))
    if (truststore := _TRUSTSTORES.get(spec.kind)) is not None:
        return truststore(checks.own_bundle(material), _password(spec, given))
    if spec.kind is Kind.JWT:
        token = checks.checked_token(material, spec.audience, now)
        return Content.plain(token.encode("ascii"))
    if spec.kind is Kind.ENVOY_SDS_CONTEXT:
        checks.own_bundle(material)
        return envoy_sds.context(material.bundles.values())
    return encode_bundle(spec.kind, checks.own_bundle(material))


def encode_bundle(kind: Kind, bundle: TrustBundle) -> Content:
    """Return a file of one trust domain's bundle alone.

    Raises:
        BundleError: it has no authority of the kind.
    """
    return _OF_BUNDLE[kind](bundle)


def _password(spec: FileSpec, given: Given) -> str:
    if not spec.password_file:
        return ""
    password = given.passwords.get(spec.password_file)
    if password is None:
        raise UnavailableError(f"{spec.name}: no password was read from {spec.password_file}")
    return password
