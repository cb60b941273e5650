"""Certificates as makers of TPMs issue them: over a key that signs nothing, or by an authority."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID, ObjectIdentifier

from accredit.identity.keys import PublicKey

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EK_PURPOSE = ObjectIdentifier("2.23.133.8.1")


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


@dataclass(frozen=True)
class Maker:
    """An authority of a maker of TPMs."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def new(cls, by: Maker | None = None, text: str = "maker") -> Maker:
        key = ec.generate_private_key(ec.SECP256R1())
        return cls(key, _certificate(key.public_key(), text, by, key, ca=True))

    def endorse(
        self,
        key: PublicKey,
        purposes: Sequence[ObjectIdentifier] = (EK_PURPOSE,),
        *,
        ca: bool = False,
    ) -> x509.Certificate:
        return _certificate(key, "unknown", self, self.key, ca=ca, purposes=purposes)


def certificate(key: PublicKey) -> x509.Certificate:
    """Return some certificate over ``key``."""
    return Maker.new().endorse(key)


def _certificate(
    key: PublicKey,
    subject: str,
    by: Maker | None,
    signer: ec.EllipticCurvePrivateKey,
    *,
    ca: bool,
    purposes: Sequence[ObjectIdentifier] = (),
) -> x509.Certificate:
    issuer = by.certificate.subject if by else name(subject)
    lifetime = timedelta(days=365)
    builder = x509.CertificateBuilder(
        issuer, name(subject), key, x509.random_serial_number(), NOW - lifetime, NOW + lifetime
    ).add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    if purposes:
        # A critical name of a kind that no certificate of the web has.
        names = x509.SubjectAlternativeName([x509.DirectoryName(name("TPM"))])
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        builder = builder.add_extension(names, critical=True)
    return builder.sign(by.key if by else signer, hashes.SHA256())
