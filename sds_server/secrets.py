"""Resources: what a name means, as the bytes that go to Envoy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from cryptography.hazmat.primitives.serialization import Encoding
from google.protobuf.any_pb2 import Any

from accredit.identity.bundle import TrustBundle
from accredit.identity.errors import BundleError
from accredit.identity.jwt_svid import JwtSvid
from accredit.identity.spiffe_id import TrustDomain
from accredit.identity.x509_roots import usable_roots
from accredit.identity.x509_svid import X509Svid
from accredit.sds_server import wire
from accredit.sds_server.preflight import check_certificate, check_token
from accredit.sds_server.proto import core_pb2, tls_pb2

_VALIDATOR = "envoy.tls.cert_validator.spiffe"
_VALIDATOR_TYPE = (
    "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig"
)


class Kind(StrEnum):
    """What a resource is, in the words of those who read a status."""

    CERTIFICATE = "TLS certificate"
    CONTEXT = "validation context"
    TOKEN = "JWT-SVID"  # noqa: S105  its name


@dataclass(frozen=True, slots=True, eq=False)
class Secret:
    """One resource, serialised once for all streams, and what people may know of it.

    ``version`` depends on the content only. The bytes hold a private key or a token and stay out of
    the repr. A validation context has no serial and no end; ``trust_domains`` are those it
    believes. A token has no serial.
    """

    name: str
    version: str
    framed: bytes = field(repr=False)
    framed_delta: bytes = field(repr=False)
    spiffe_id: str = ""
    serial: str = ""
    not_after: datetime | None = None
    trust_domains: tuple[str, ...] = ()

    @property
    def kind(self) -> Kind:
        """What it is."""
        if self.not_after is None:
            return Kind.CONTEXT
        return Kind.CERTIFICATE if self.serial else Kind.TOKEN

    def expired(self, now: datetime) -> bool:
        """Tell whether its certificate or token has ended."""
        if self.not_after is None:
            return False
        # A token ends at that moment (RFC 7519 4.1.4), a certificate after it (RFC 5280 4.1.2.5).
        return now >= self.not_after if self.kind is Kind.TOKEN else now > self.not_after


def certificate(name: str, svid: X509Svid, bundle: TrustBundle, now: datetime) -> Secret:
    """Return the TLS certificate of ``svid``.

    Raises:
        X509SvidError: it did not pass the checks of ``preflight``.
    """
    check_certificate(svid, bundle, now)
    message = tls_pb2.TlsCertificate(
        certificate_chain=_inline(svid.chain_pem), private_key=_inline(svid.key_pem)
    )
    version, framed, framed_delta = _serialise(tls_pb2.Secret(name=name, tls_certificate=message))
    return Secret(
        name,
        version,
        framed,
        framed_delta,
        spiffe_id=str(svid.spiffe_id),
        serial=svid.serial,
        not_after=svid.not_after,
    )


def token(name: str, svid: JwtSvid, audience: str, now: datetime) -> Secret:
    """Return a JWT-SVID as Envoy's credential injector takes it.

    Raises:
        JwtSvidError: it did not pass the checks of ``preflight``.
    """
    check_token(svid, audience, now)
    message = tls_pb2.GenericSecret(secret=_inline(svid.token.encode()))
    serialised = _serialise(tls_pb2.Secret(name=name, generic_secret=message))
    return Secret(name, *serialised, spiffe_id=str(svid.spiffe_id), not_after=svid.expires_at)


def spiffe_context(name: str, bundles: Mapping[TrustDomain, TrustBundle]) -> Secret:
    """Return a validation context in which each bundle verifies IDs of its own domain only.

    A bundle without usable roots is left out, so that one bad partner costs the others nothing.

    Raises:
        BundleError: none of ``bundles`` can be used.
    """
    usable = {
        # This validator looks for revocation lists here, and nowhere else.
        str(trust_domain): roots_pem(bundle) + bundle.crl_pem
        for trust_domain, bundle in sorted(bundles.items())
        if usable_roots(bundle)
    }
    if not usable:
        raise BundleError("SDS", "no trust domain has a self-signed X.509 authority")
    return _validator(name, usable)


def nobody(name: str) -> Secret:
    """Return a validation context without any trust domain: Envoy refuses every peer."""
    return _validator(name, {})


def plain_context(name: str, bundle: TrustBundle) -> Secret:
    """Return a validation context that is a list of CAs, for Envoys told not to check SPIFFE IDs.

    Raises:
        BundleError: the list would be empty, which Envoy takes for "believe everyone".
    """
    context = tls_pb2.CertificateValidationContext(trusted_ca=_inline(roots_pem(bundle)))
    if bundle.crls:
        context.crl.CopyFrom(_inline(bundle.crl_pem))
    return _context(name, context, (str(bundle.trust_domain),))


def roots_pem(bundle: TrustBundle) -> bytes:
    """Return the usable roots in PEM."""
    return b"".join(root.public_bytes(Encoding.PEM) for root in usable_roots(bundle))


def _validator(name: str, roots: Mapping[str, bytes]) -> Secret:
    domain = tls_pb2.SPIFFECertValidatorConfig.TrustDomain
    config = tls_pb2.SPIFFECertValidatorConfig(
        trust_domains=[domain(name=td, trust_bundle=_inline(pem)) for td, pem in roots.items()]
    )
    extension = core_pb2.TypedExtensionConfig(
        name=_VALIDATOR,
        typed_config=Any(type_url=_VALIDATOR_TYPE, value=config.SerializeToString()),
    )
    context = tls_pb2.CertificateValidationContext(custom_validator_config=extension)
    return _context(name, context, tuple(roots))


def _context(
    name: str, context: tls_pb2.CertificateValidationContext, trust_domains: tuple[str, ...]
) -> Secret:
    if not (context.HasField("custom_validator_config") or context.trusted_ca.inline_bytes):
        raise BundleError("SDS", f"{name!r} would be an empty validation context")
    serialised = _serialise(tls_pb2.Secret(name=name, validation_context=context))
    return Secret(name, *serialised, trust_domains=trust_domains)


def _serialise(secret: tls_pb2.Secret) -> tuple[str, bytes, bytes]:
    resource = wire.pack(secret)
    version = wire.content_version(resource.value)
    return version, wire.frame(resource), wire.frame_delta(secret.name, version, resource)


def _inline(data: bytes) -> core_pb2.DataSource:
    return core_pb2.DataSource(inline_bytes=data)
