"""Validating X.509-SVIDs, X509-SVID section 5, with the bundle of the leaf's trust domain only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache

from cryptography import x509
from cryptography.x509 import verification

from accredit.identity.bundle import TrustBundle
from accredit.identity.errors import X509SvidError
from accredit.identity.spiffe_id import SpiffeId, TrustDomain
from accredit.identity.x509_crl import is_revoked
from accredit.identity.x509_profile import check_leaf, is_signing

__all__ = ["check_leaf", "split_der", "verify_x509_svid"]

_MAX_INTERMEDIATES = 8
_MAX_BYTES = 4 * 1024 * 1024
_MAX_DER_HEADER = 6  # tag, length of the length, and up to four octets of length


def verify_x509_svid(
    chain: Sequence[x509.Certificate],
    bundles: Mapping[TrustDomain, TrustBundle],
    now: datetime,
) -> SpiffeId:
    """Return the ID of the leaf, ``chain[0]``, if an authority of its trust domain vouches for it.

    The other certificates serve as intermediates; a root among them counts for nothing.

    Raises:
        X509SvidError: the leaf breaks X509-SVID section 5.2, its trust domain has no authority
            here, RFC 5280 path validation fails, or a list in the bundle says it is revoked.
    """
    if not chain:
        raise X509SvidError("X509-SVID 5.1", "the chain is empty")
    if len(chain) > _MAX_INTERMEDIATES + 1:
        raise X509SvidError("X509-SVID 5.1", f"more than {_MAX_INTERMEDIATES} intermediates")
    spiffe_id = check_leaf(chain[0])
    store = _store(bundles, spiffe_id.trust_domain)
    verifier = (
        verification.PolicyBuilder()
        .store(store)
        .time(now)
        .max_chain_depth(_MAX_INTERMEDIATES)
        .extension_policies(ca_policy=_SIGNING, ee_policy=_LEAF)
        .build_client_verifier()
    )
    try:
        verifier.verify(chain[0], list(chain[1:]))
    except verification.VerificationError as error:
        raise X509SvidError("X509-SVID 5.1", str(error)) from None
    bundle = bundles[spiffe_id.trust_domain]
    if is_revoked(chain[0], bundle.x509_authorities, bundle.crls):
        raise X509SvidError("RFC 5280 6.3", "its authority has revoked it")
    return spiffe_id


def _store(
    bundles: Mapping[TrustDomain, TrustBundle], trust_domain: TrustDomain
) -> verification.Store:
    bundle = bundles.get(trust_domain)
    store = _roots(bundle.x509_authorities) if bundle is not None else None
    if store is None:
        raise X509SvidError("Workload API 4.6", f"no X.509 authority of {trust_domain} is known")
    return store


@lru_cache(maxsize=256)
def _roots(authorities: tuple[x509.Certificate, ...]) -> verification.Store | None:
    # A leaf in the store would be accepted by its presence alone.
    roots = [each for each in authorities if is_signing(each)]
    return verification.Store(roots) if roots else None


def _require_signing(
    policy: verification.Policy,  # noqa: ARG001  given by the library
    certificate: x509.Certificate,  # noqa: ARG001
    usage: x509.KeyUsage,
) -> None:
    if not usage.key_cert_sign:
        raise ValueError("a signing certificate needs keyCertSign")


# The library's defaults are those of the web: a leaf needs no URI SAN there but does need an
# extended key usage. Ours is checked by check_leaf.
_LEAF = verification.ExtensionPolicy.permit_all()
_SIGNING = (
    verification.ExtensionPolicy.permit_all()
    .require_present(x509.BasicConstraints, verification.Criticality.AGNOSTIC, None)
    .require_present(x509.KeyUsage, verification.Criticality.AGNOSTIC, _require_signing)
)


def split_der(data: bytes) -> tuple[x509.Certificate, ...]:
    """Return the certificates in ``data``, DER one after the other; none for no bytes.

    Raises:
        X509SvidError: anything but whole certificates, or more than 4 MiB.
    """
    if len(data) > _MAX_BYTES:
        raise X509SvidError("Workload API 5.2.1", f"more than {_MAX_BYTES} bytes of certificates")
    certificates = []
    start = 0
    while start < len(data):
        end = start + _element_size(data[start : start + _MAX_DER_HEADER])
        certificates.append(_load(data[start:end]))
        start = end
    return tuple(certificates)


def _element_size(head: bytes) -> int:
    """Return the size of the element that starts with ``head``: tag, length and content."""
    first = head[1] if len(head) > 1 else 0
    if first < 0x80:
        return 2 + first
    header = 2 + first - 0x80
    return header + int.from_bytes(head[2:header], "big")


def _load(data: bytes) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(data)
    except (ValueError, x509.InvalidVersion):
        raise X509SvidError("RFC 5280 4.1", "not a certificate in DER") from None
