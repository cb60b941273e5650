"""What a secret that came over SDS says; private keys and tokens are not kept. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from google.protobuf.any_pb2 import Any
from google.protobuf.message import DecodeError

from accredit.identity.errors import JwtSvidError, ResponseError, X509SvidError
from accredit.identity.jws import parse
from accredit.identity.strict_json import loads_object
from accredit.identity.x509_profile import uri_names
from accredit.sds_server.proto import core_pb2, tls_pb2
from accredit.sds_server.wire import SECRET_TYPE

_VALIDATOR_TYPE = (
    "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig"
)


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate: its serial number in lower-case hex, and its end."""

    serial: str
    not_after: datetime


@dataclass(frozen=True, slots=True)
class TlsCertificate:
    """A leaf and the URI names in it, which for an X.509-SVID is one SPIFFE ID."""

    uris: tuple[str, ...]
    leaf: Certificate


@dataclass(frozen=True, slots=True)
class ValidationContext:
    """The CAs by trust domain; under "" if they are a plain list that may sign for anybody."""

    authorities: tuple[tuple[str, tuple[Certificate, ...]], ...]


@dataclass(frozen=True, slots=True)
class BearerToken:
    """What a token says of itself; nothing is verified, and the token is not kept."""

    subject: str
    audience: tuple[str, ...]
    not_after: datetime


Content = TlsCertificate | ValidationContext | BearerToken


@dataclass(frozen=True, slots=True)
class ReceivedSecret:
    """A secret as it came. ``content`` is None for a kind that nothing here is known of."""

    name: str
    version: str
    content: Content | None


def read_secret(resource: Any, version: str) -> ReceivedSecret:
    """Read one resource.

    Raises:
        ResponseError: it is no secret, or certificates in it cannot be read.
    """
    if resource.type_url != SECRET_TYPE:
        raise ResponseError(f"a resource of type {resource.type_url[:200]!r} instead of a secret")
    try:
        secret = tls_pb2.Secret.FromString(resource.value)
    except DecodeError:
        raise ResponseError("a resource that cannot be decoded as a secret") from None
    try:
        return ReceivedSecret(secret.name, version, _content(secret))
    # The text of these errors may quote what they could not read.
    except (DecodeError, X509SvidError, ValueError):
        reason = "certificates that are not there in PEM or cannot be read"
        raise ResponseError(f"secret {secret.name[:200]!r}: {reason}") from None


def _content(secret: tls_pb2.Secret) -> Content | None:
    match secret.WhichOneof("type"):
        case "tls_certificate":
            leaf = _load(secret.tls_certificate.certificate_chain)[0]
            return TlsCertificate(tuple(uri_names(leaf)), _shown(leaf))
        case "validation_context":
            return ValidationContext(_authorities(secret.validation_context))
        case "generic_secret":
            source = secret.generic_secret.secret
            return _token(source.inline_bytes or source.inline_string.encode())
        case None:
            return None


def _token(content: bytes) -> BearerToken | None:
    """Return what is in a JWT; a generic secret may as well be a password."""
    try:
        claims = loads_object(parse(content.decode("ascii")).payload)
        audience = claims.get("aud")
        return BearerToken(
            str(claims["sub"]),
            tuple(map(str, audience if isinstance(audience, list) else [audience])),
            datetime.fromtimestamp(float(str(claims["exp"])), UTC),
        )
    except (JwtSvidError, ValueError, KeyError, OverflowError, OSError):
        return None


def _authorities(
    context: tls_pb2.CertificateValidationContext,
) -> tuple[tuple[str, tuple[Certificate, ...]], ...]:
    if not context.HasField("custom_validator_config"):
        return (("", _all_shown(context.trusted_ca)),)
    packed = context.custom_validator_config.typed_config
    if packed.type_url != _VALIDATOR_TYPE:
        raise ValueError
    config = tls_pb2.SPIFFECertValidatorConfig.FromString(packed.value)
    return tuple((each.name, _all_shown(each.trust_bundle)) for each in config.trust_domains)


def _all_shown(source: core_pb2.DataSource) -> tuple[Certificate, ...]:
    return tuple(_shown(each) for each in _load(source))


def _load(source: core_pb2.DataSource) -> list[x509.Certificate]:
    """Return at least one certificate; raises ValueError."""
    return x509.load_pem_x509_certificates(source.inline_bytes)


def _shown(certificate: x509.Certificate) -> Certificate:
    return Certificate(f"{certificate.serial_number:x}", certificate.not_valid_after_utc)
