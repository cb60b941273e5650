"""Whether a maker of TPMs vouches for one: the chain of its endorsement certificate. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from cryptography.x509.oid import ObjectIdentifier
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from accredit.identity.errors import AttestationError

_EK_CERTIFICATE = ObjectIdentifier("2.23.133.8.1")
_DEPTH = 4


def verify_endorsement(
    certificate: x509.Certificate,
    intermediates: Sequence[x509.Certificate],
    roots: Sequence[x509.Certificate],
    now: datetime,
) -> Sequence[x509.Certificate]:
    """Return the chain of an endorsement certificate, leaf first.

    ``roots`` are the operator's choice of makers; a TPM sends no intermediates of its own.

    Raises:
        AttestationError: no root leads to it, or it is a certificate for something else.
    """
    _check_purpose(certificate)
    if not roots:
        raise AttestationError("no maker of TPMs is trusted here")
    # Endorsement certificates have a critical name of a kind no web certificate has.
    authorities = ExtensionPolicy.permit_all().require_present(
        x509.BasicConstraints, Criticality.AGNOSTIC, None
    )
    policy = (
        PolicyBuilder()
        .store(Store(list(roots)))
        .time(now)
        .max_chain_depth(_DEPTH)
        .extension_policies(ca_policy=authorities, ee_policy=ExtensionPolicy.permit_all())
    )
    try:
        return policy.build_client_verifier().verify(certificate, list(intermediates)).chain
    except VerificationError as error:
        raise AttestationError(f"the endorsement certificate is not trusted: {error}") from None


def _check_purpose(certificate: x509.Certificate) -> None:
    try:
        extensions = certificate.extensions
        purposes = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (ValueError, x509.ExtensionNotFound):
        raise AttestationError("the endorsement certificate does not say that it is one") from None
    if _EK_CERTIFICATE not in purposes:
        raise AttestationError("the endorsement certificate is for another purpose")
    if any(isinstance(each.value, x509.BasicConstraints) and each.value.ca for each in extensions):
        raise AttestationError("the endorsement certificate is that of an authority")
