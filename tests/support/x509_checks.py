"""A CA, and chains shown to our validation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from cryptography import x509

from accredit.identity.bundle import TrustBundle
from accredit.identity.spiffe_id import SpiffeId
from accredit.identity.x509_verify import verify_x509_svid
from support.ca import TestCa
from support.clock import EPOCH

A = SpiffeId.parse("spiffe://td.example/a")
TD = A.trust_domain
HOUR = timedelta(hours=1)
CA = TestCa()


def verify(
    chain: Sequence[x509.Certificate], *bundles: TrustBundle, now: datetime = EPOCH
) -> SpiffeId:
    return verify_x509_svid(chain, {bundle.trust_domain: bundle for bundle in bundles}, now)
