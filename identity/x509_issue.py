"""Issuing X.509-SVIDs and the roots that sign them, X509-SVID sections 2 to 4."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from accredit.identity.errors import SpiffeIdError, X509SvidError
from accredit.identity.keys import PrivateKey, PublicKey, is_supported
from accredit.identity.spiffe_id import SpiffeId, TrustDomain
from accredit.identity.x509_profile import find_extension, is_signing, public_key_of, uri_names

_MAX_COMMON_NAME = 64
_MAX_DNS_NAME = 253
_DNS_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")


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
_LEAF_CONSTRAINTS = x509.BasicConstraints(ca=False, path_length=None)
_LEAF_USAGE = _key_usage()
_RSA_LEAF_USAGE = _key_usage(key_encipherment=True)
_LEAF_PURPOSES = x509.ExtendedKeyUsage(
    [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
)
_NO_SUBJECT = x509.Name([])


def build_root(
    trust_domain: TrustDomain,
    key: PrivateKey,
    *,
    not_before: datetime,
    not_after: datetime,
    path_length: int | None = None,
) -> x509.Certificate:
    """Return a self-signed root that is the SVID of its trust domain, X509-SVID section 3.2.

    Its subject holds its serial number, so that no two roots share a name: verifiers find
    issuers by name, and roots overlap during a rotation.
    """
    serial = x509.random_serial_number()
    subject = _root_name(trust_domain, serial)
    public = key.public_key()
    uri = x509.UniformResourceIdentifier(str(trust_domain.id))
    return (
        x509.CertificateBuilder(subject, subject, public, serial, not_before, not_after)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_key_usage(signing=True), critical=True)
        .add_extension(x509.SubjectAlternativeName([uri]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(key, _hash_for(key))
    )


def _root_name(trust_domain: TrustDomain, serial: int) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, trust_domain.name[:_MAX_COMMON_NAME]),
            x509.NameAttribute(NameOID.SERIAL_NUMBER, f"{serial:x}"),
        ]
    )


def build_leaf(  # noqa: PLR0913  all but two by name
    spiffe_id: SpiffeId,
    public_key: PublicKey,
    *,
    issuer: x509.Certificate,
    issuer_key: PrivateKey,
    not_before: datetime,
    not_after: datetime,
    dns_names: Sequence[str] = (),
) -> x509.Certificate:
    """Return a leaf X.509-SVID, valid at most as long as ``issuer``.

    The subject is empty, so the SAN is critical (RFC 5280 section 4.1.2.6).

    Raises:
        X509SvidError: the ID has no path or is of another trust domain than the issuer's, the
            issuer cannot sign or is not valid in that time, or a DNS name is malformed.
    """
    template = _template(issuer)
    _check_request(spiffe_id, public_key, template.trust_domain)
    if issuer_key.public_key() != template.public_key:
        raise X509SvidError("X509-SVID 3.2", "the issuer's key does not fit its certificate")
    starts, ends = template.clip(not_before, not_after)
    return x509.CertificateBuilder(
        issuer.subject,
        _NO_SUBJECT,
        public_key,
        x509.random_serial_number(),
        starts,
        ends,
        [
            *template.extensions,
            _extension(_usage_of(public_key), critical=True),
            _extension(x509.SubjectKeyIdentifier.from_public_key(public_key)),
            _extension(_names(spiffe_id, dns_names), critical=True),
        ],
    ).sign(issuer_key, template.hash)


def _check_request(spiffe_id: SpiffeId, public_key: PublicKey, trust_domain: TrustDomain) -> None:
    if not spiffe_id.path:
        raise X509SvidError("X509-SVID 3.1", f"a leaf's SPIFFE ID needs a path: {spiffe_id}")
    if spiffe_id.trust_domain != trust_domain:
        raise X509SvidError(
            "X509-SVID 3.2", f"an authority of {trust_domain} does not sign {spiffe_id}"
        )
    if not is_supported(public_key):
        raise X509SvidError("X509-SVID 3", "the workload's key is of an unsupported kind")


def _usage_of(leaf_key: PublicKey) -> x509.KeyUsage:
    # TLS 1.2 can encrypt the session's key with an RSA key, but with no other kind.
    return _RSA_LEAF_USAGE if isinstance(leaf_key, rsa.RSAPublicKey) else _LEAF_USAGE


@dataclass(frozen=True)
class _Template:
    """What all leaves of one issuer have in common."""

    trust_domain: TrustDomain
    public_key: PublicKey
    not_before: datetime
    not_after: datetime
    extensions: tuple[x509.Extension[x509.ExtensionType], ...]
    hash: hashes.SHA256 | hashes.SHA384 | hashes.SHA512

    def clip(self, not_before: datetime, not_after: datetime) -> tuple[datetime, datetime]:
        """Return the part of that time in which the issuer is valid, in whole seconds."""
        starts = max(not_before, self.not_before).replace(microsecond=0)
        ends = min(not_after, self.not_after).replace(microsecond=0)
        if starts >= ends:
            raise X509SvidError(
                "RFC 5280 6.1",
                f"the issuer is valid from {self.not_before} to {self.not_after} only",
            )
        return starts, ends


@lru_cache(maxsize=16)
def _template(issuer: x509.Certificate) -> _Template:
    if not is_signing(issuer):
        raise X509SvidError("X509-SVID 4.3", "the issuer lacks cA or keyCertSign")
    public = public_key_of(issuer)
    if not is_supported(public):
        raise X509SvidError("X509-SVID 3.2", "the issuer's key is of an unsupported kind")
    return _Template(
        trust_domain=_issuer_domain(issuer),
        public_key=public,
        not_before=issuer.not_valid_before_utc,
        not_after=issuer.not_valid_after_utc,
        extensions=(
            _extension(_LEAF_CONSTRAINTS, critical=True),
            _extension(_LEAF_PURPOSES),
            _extension(_authority_key_id(issuer, public)),
        ),
        hash=_hash_for(public),
    )


def _issuer_domain(issuer: x509.Certificate) -> TrustDomain:
    uris = uri_names(issuer)
    try:
        return TrustDomain.parse(uris[0] if len(uris) == 1 else "")
    except SpiffeIdError:
        raise X509SvidError(
            "X509-SVID 3.2", "the issuer must have its trust domain's ID as its one URI SAN"
        ) from None


def _authority_key_id(issuer: x509.Certificate, public: PublicKey) -> x509.AuthorityKeyIdentifier:
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


def _extension(
    value: x509.ExtensionType, *, critical: bool = False
) -> x509.Extension[x509.ExtensionType]:
    return x509.Extension(value.oid, critical, value)


def _hash_for(key: PrivateKey | PublicKey) -> hashes.SHA256 | hashes.SHA384 | hashes.SHA512:
    """Return the hash as strong as the key (NIST SP 800-57, part 1, section 5.6)."""
    if isinstance(key, ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey):
        if key.curve.key_size > 384:
            return hashes.SHA512()
        if key.curve.key_size > 256:
            return hashes.SHA384()
    return hashes.SHA256()
