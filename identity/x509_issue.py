"""Issuing X.509-SVIDs and the roots that sign them, X509-SVID sections 2 to 4."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from accredit.identity import x509_extension
from accredit.identity.errors import SpiffeIdError, X509SvidError
from accredit.identity.keys import PrivateKey, PublicKey, is_supported
from accredit.identity.spiffe_id import SpiffeId, TrustDomain
from accredit.identity.x509_profile import is_signing, public_key_of, uri_names

_MAX_COMMON_NAME = 64
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
    extensions = x509_extension.of_root(trust_domain, public, path_length)
    return x509.CertificateBuilder(
        subject, subject, public, serial, not_before, not_after, extensions
    ).sign(key, hash_for(key))


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
            *x509_extension.of_leaf(spiffe_id, public_key, dns_names),
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


@dataclass(frozen=True)
class _Template:
    """What all leaves of one issuer have in common."""

    trust_domain: TrustDomain
    public_key: PublicKey
    not_before: datetime
    not_after: datetime
    extensions: x509_extension.Extensions
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
        extensions=x509_extension.of_every_leaf(issuer, public),
        hash=hash_for(public),
    )


def _issuer_domain(issuer: x509.Certificate) -> TrustDomain:
    with suppress(SpiffeIdError):
        ids = [SpiffeId.parse(uri) for uri in uri_names(issuer)]
        if len(ids) == 1 and not ids[0].path:
            return ids[0].trust_domain
    raise X509SvidError(
        "X509-SVID 3.2", "the issuer must have its trust domain's ID as its one URI SAN"
    )


def hash_for(key: PrivateKey | PublicKey) -> hashes.SHA256 | hashes.SHA384 | hashes.SHA512:
    """Return the hash as strong as the key (NIST SP 800-57, part 1, section 5.6)."""
    if isinstance(key, ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey):
        if key.curve.key_size > 384:
            return hashes.SHA512()
        if key.curve.key_size > 256:
            return hashes.SHA384()
    return hashes.SHA256()
