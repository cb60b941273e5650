"""X.509 certificates with any defect, made with cryptography alone: what accredit must refuse."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID

from accredit.identity.keys import PrivateKey, PublicKey
from support.clock import EPOCH

_BITS = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)
_BOTH_PURPOSES = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)


@dataclass(frozen=True)
class Template:
    """What a certificate says; ``replace`` what a test wants to be wrong.

    ``usage`` and ``purposes`` of None leave the extension out, as does ``ca`` of None.
    """

    uris: Sequence[str] = ()
    dns_names: Sequence[str] = ()
    subject: str = ""
    ca: bool | None = False
    path_length: int | None = None
    usage: Collection[str] | None = ("digital_signature",)
    purposes: Sequence[x509.ObjectIdentifier] | None = _BOTH_PURPOSES
    not_before: datetime = EPOCH - timedelta(hours=1)
    not_after: datetime = EPOCH + timedelta(hours=1)
    extra: Sequence[tuple[x509.ExtensionType, bool]] = ()

    def sign(
        self, public_key: PublicKey, issuer_name: x509.Name, issuer_key: PrivateKey
    ) -> x509.Certificate:
        builder = x509.CertificateBuilder(
            issuer_name,
            common_name(self.subject),
            public_key,
            x509.random_serial_number(),
            self.not_before,
            self.not_after,
        )
        for value, critical in self._extensions():
            builder = builder.add_extension(value, critical)
        return builder.sign(issuer_key, hashes.SHA256())

    def _extensions(self) -> list[tuple[x509.ExtensionType, bool]]:
        found: list[tuple[x509.ExtensionType, bool]] = [*self.extra]
        if self.ca is not None:
            found.append((x509.BasicConstraints(self.ca, self.path_length), True))
        if self.usage is not None:
            found.append((x509.KeyUsage(**{bit: bit in self.usage for bit in _BITS}), True))
        if self.purposes is not None:
            found.append((x509.ExtendedKeyUsage(self.purposes), False))
        names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(uri) for uri in self.uris]
        names += [x509.DNSName(name) for name in self.dns_names]
        if names:
            found.append((x509.SubjectAlternativeName(names), not self.subject))
        return found


LEAF = Template()
AUTHORITY = replace(LEAF, ca=True, usage=("key_cert_sign", "crl_sign"), purposes=None)


def common_name(text: str) -> x509.Name:
    attributes = [x509.NameAttribute(x509.NameOID.COMMON_NAME, text)] if text else []
    return x509.Name(attributes)
