"""What the files of one output are made from, at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from accredit.identity.bundle import TrustBundle
from accredit.identity.spiffe_id import TrustDomain
from accredit.identity.x509_svid import X509Svid


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """One identity with everything beside it; whoever renders it may hold it for ever.

    ``svid`` is None where there is no X.509 identity (just now). ``bundles`` holds the own trust
    domain's and the federated ones, each apart. ``tokens`` are JWT-SVIDs by audience. ``lacking``
    says why nothing at all is to be made of it.
    """

    svid: X509Svid | None
    own: TrustDomain
    bundles: Mapping[TrustDomain, TrustBundle] = field(repr=False)
    tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    lacking: str = ""
