"""What a secret that came over SDS shows of itself; its private key is never looked at. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from google.protobuf.any_pb2 import Any
from google.protobuf.message import DecodeError

from accredit.agent import table
from accredit.identity.errors import UnavailableError, X509SvidError
from accredit.identity.x509_profile import uri_names
from accredit.sds_server.proto import core_pb2, tls_pb2

_CERTIFICATE, _CONTEXT = "tls_certificate", "validation_context"


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate: serial in lower-case hex, and its end."""

    serial: str
    not_after: datetime


@dataclass(frozen=True, slots=True)
class ReceivedSecret:
    """A secret as it came. ``roots`` are by trust domain; under ``""`` if they are a plain list."""

    name: str
    version: str
    kind: str
    spiffe_id: str = ""
    leaf: Certificate | None = None
    roots: dict[str, tuple[Certificate, ...]] = field(default_factory=dict)


def read_secret(resource: Any, version: str) -> ReceivedSecret:
    """Read one resource.

    Raises:
        UnavailableError: it is no secret, or holds no certificates where it should.
    """
    try:
        secret = tls_pb2.Secret.FromString(resource.value)
        match secret.WhichOneof("type"):
            case "tls_certificate":
                return _certificate(secret, version)
            case "validation_context":
                roots = _roots(secret.validation_context)
                return ReceivedSecret(secret.name, version, _CONTEXT, roots=roots)
            case None:
                return ReceivedSecret(secret.name, version, "of another kind")
    except (DecodeError, ValueError, X509SvidError):
        raise UnavailableError("the endpoint sent a secret that cannot be read") from None


def _certificate(secret: tls_pb2.Secret, version: str) -> ReceivedSecret:
    chain = _load(secret.tls_certificate.certificate_chain)
    names = uri_names(chain[0]) if chain else []
    return ReceivedSecret(
        secret.name,
        version,
        _CERTIFICATE,
        spiffe_id=" ".join(names),
        leaf=_shown(chain[0]) if chain else None,
    )


def _roots(context: tls_pb2.CertificateValidationContext) -> dict[str, tuple[Certificate, ...]]:
    if not context.HasField("custom_validator_config"):
        return {"": tuple(map(_shown, _load(context.trusted_ca)))}
    config = tls_pb2.SPIFFECertValidatorConfig.FromString(
        context.custom_validator_config.typed_config.value
    )
    return {
        each.name: tuple(map(_shown, _load(each.trust_bundle))) for each in config.trust_domains
    }


def _load(source: core_pb2.DataSource) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(source.inline_bytes) if source.inline_bytes else []


def _shown(certificate: x509.Certificate) -> Certificate:
    return Certificate(f"{certificate.serial_number:x}", certificate.not_valid_after_utc)


def secret_data(secret: ReceivedSecret) -> dict[str, object]:
    """Return the secret as plain data, without the private key."""
    data: dict[str, object] = {"name": secret.name, "version": secret.version, "type": secret.kind}
    if secret.kind == _CERTIFICATE:
        data |= {"spiffe_id": secret.spiffe_id, **(_data(secret.leaf) if secret.leaf else {})}
    if secret.kind == _CONTEXT:
        data["roots"] = {td: [_data(each) for each in found] for td, found in secret.roots.items()}
    return data


def secrets_text(secrets: Sequence[ReceivedSecret]) -> str:
    """Return a line for each certificate and each root."""
    rows = [row for secret in secrets for row in _rows(secret)]
    return table.render(("SECRET", "VERSION", "SAYS", "SERIAL", "ENDS"), rows)


def _rows(secret: ReceivedSecret) -> list[tuple[str, str, str, str, str]]:
    head = (secret.name, secret.version)
    if secret.kind == _CERTIFICATE:
        return [(*head, secret.spiffe_id, *_cells(secret.leaf))]
    if secret.kind != _CONTEXT:
        return [(*head, secret.kind, "", "")]
    roots = [
        (*head, f"trusts {td}" if td else "trusts, as a plain list", *_cells(each))
        for td, found in secret.roots.items()
        for each in found
    ]
    return roots or [(*head, "trusts nobody", "", "")]


def _cells(certificate: Certificate | None) -> tuple[str, str]:
    return (certificate.serial, _time(certificate.not_after)) if certificate else ("", "")


def _data(certificate: Certificate) -> dict[str, object]:
    return {"serial": certificate.serial, "not_after": _time(certificate.not_after)}


def _time(when: datetime) -> str:
    return when.isoformat().replace("+00:00", "Z")
