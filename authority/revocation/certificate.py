"""An X.509-SVID that somebody brings, to have it revoked. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from accredit.authority.revocation.crls import Root
from accredit.authority.revocation.record import Issued
from accredit.identity.errors import RequestError
from accredit.identity.x509_profile import check_leaf


def issued_from(pem: bytes, roots: Sequence[Root]) -> Issued:
    """Return what the first certificate in ``pem`` says of itself; its entry is not known.

    Raises:
        RequestError: it is no certificate, or none of ``roots`` signed it.
        X509SvidError: it is not the X.509-SVID of a workload.
    """
    try:
        leaf = x509.load_pem_x509_certificate(pem)
    except ValueError:
        raise RequestError("no certificate in PEM was found in it") from None
    spiffe_id = str(check_leaf(leaf))
    for root in roots:
        if _signed(leaf, root.certificate):
            return Issued(leaf.serial_number, root.kid, "", spiffe_id, leaf.not_valid_after_utc)
    raise RequestError(f"no root that is trusted here signed the certificate of {spiffe_id}")


def _signed(leaf: x509.Certificate, root: x509.Certificate) -> bool:
    try:
        leaf.verify_directly_issued_by(root)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True
