"""The extensions of the certificates we issue, X509-SVID section 4 and appendix A."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from accredit.identity.errors import X509SvidError
from accredit.identity.keys import PublicKey
from accredit.identity.spiffe_id import SpiffeId, TrustDomain
from accredit.identity.x509_profile import find_extension

Extensions = list[x509.Extension[x509.ExtensionType]]

_MAX_DNS_NAME = 253
_DNS_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")


def _extension(
    value: x509.ExtensionType, *, critical: bool = False
) -> x509.Extension[x509.ExtensionType]:
    return x509.Extension(value.oid, critical, value)


def _key_usage(*, signing: bool = False, key_encipherment: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signing,
        key_cert_sign=signing,
        crl_sign=signing,
        content_commitment=False,
        key_encipherment=key_encipherment,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


# Built once: on the way of every leaf.
_LEAF_CONSTRAINTS = _extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
_LEAF_USAGE = _extension(_key_usage(), critical=True)
_RSA_LEAF_USAGE = _extension(_key_usage(key_encipherment=True), critical=True)
_LEAF_PURPOSES = _extension(
    x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
)


def of_root(
    trust_domain: TrustDomain, public_key: PublicKey, path_length: int | None
) -> Extensions:
    """Return the extensions of a root, which is the SVID of its trust domain."""
    uri = x509.UniformResourceIdentifier(str(trust_domain.id))
    return [
        _extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True),
        _extension(_key_usage(signing=True), critical=True),
        _extension(x509.SubjectAlternativeName([uri])),
        _extension(x509.SubjectKeyIdentifier.from_public_key(public_key)),
    ]


def of_every_leaf(issuer: x509.Certificate, issuer_key: PublicKey) -> Extensions:
    """Return the extensions that all leaves of one issuer share."""
    return [
        _LEAF_CONSTRAINTS,
        _LEAF_PURPOSES,
        _extension(authority_key_id(issuer, issuer_key)),
    ]


def of_leaf(spiffe_id: SpiffeId, public_key: PublicKey, dns_names: Sequence[str]) -> Extensions:
    """Return the extensions of one leaf alone. The SAN is critical as the subject is empty.

    Raises:
        X509SvidError: a DNS name is malformed.
    """
    return [
        # TLS 1.2 can encrypt the session's key with an RSA key, but with no other kind.
        _RSA_LEAF_USAGE if isinstance(public_key, rsa.RSAPublicKey) else _LEAF_USAGE,
        _extension(x509.SubjectKeyIdentifier.from_public_key(public_key)),
        _extension(_names(spiffe_id, dns_names), critical=True),
    ]


def authority_key_id(issuer: x509.Certificate, public: PublicKey) -> x509.AuthorityKeyIdentifier:
    """Return how what ``issuer`` signs names its key, ``public``."""
    own = find_extension(issuer, x509.SubjectKeyIdentifier)
    if own is None:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(public)
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


def _names(spiffe_id: SpiffeId, dns_names: Sequence[str]) -> x509.SubjectAlternativeName:
    names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(str(spiffe_id))]
    for name in dns_names:
        if not _is_dns_name(name):
            raise X509SvidError("RFC 5280 4.2.1.6", f"{name[:100]!r} is not a lower-case DNS name")
        names.append(x509.DNSName(name))
    return x509.SubjectAlternativeName(names)


def _is_dns_name(text: str) -> bool:
    labels = text.removeprefix("*.").split(".")
    return len(text) <= _MAX_DNS_NAME and all(map(_DNS_LABEL.fullmatch, labels))
