"""What a client of the Workload API holds: the state of one stream after its newest message.

The types of the two profiles are kept apart, because bundles are good for the SVIDs of their own
profile only (Workload API 5.2.1, 5.2.2, 6.2.2). An update replaces everything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from accredit.identity.bundle import TrustBundle
from accredit.identity.errors import NotEntitledError
from accredit.identity.jwt_verify import ValidatedJwt, validate_jwt_svid
from accredit.identity.spiffe_id import SpiffeId, TrustDomain
from accredit.identity.x509_svid import X509Svid
from accredit.identity.x509_verify import verify_x509_svid


@dataclass(frozen=True, slots=True)
class X509Bundles:
    """X.509 authorities by trust domain, and all revocation lists that came with them (DER).

    Each bundle has those of its own authorities.
    """

    bundles: Mapping[TrustDomain, TrustBundle]
    crl: tuple[bytes, ...] = ()

    def verify(self, chain: Sequence[x509.Certificate], now: datetime) -> SpiffeId:
        """Return who a peer is, by the bundle of its own trust domain and no other.

        Raises:
            X509SvidError: the chain is no X.509-SVID, its trust domain is not known, or it is
                revoked.
        """
        return verify_x509_svid(chain, self.bundles, now)


@dataclass(frozen=True, slots=True)
class HintedSvid:
    """An X.509-SVID with the operator's hint what to use it for."""

    svid: X509Svid
    hint: str


@dataclass(frozen=True, slots=True)
class X509Context:
    """All X.509-SVIDs of this workload, the default one first, and the bundles for its peers."""

    svids: tuple[HintedSvid, ...]
    bundles: X509Bundles

    @property
    def default(self) -> X509Svid:
        """The identity to use when nothing says otherwise (Workload API 8)."""
        return self.svids[0].svid

    def by_hint(self, hint: str) -> X509Svid:
        """Return the first SVID with a hint.

        Raises:
            NotEntitledError: there is none.
        """
        for each in self.svids:
            if each.hint == hint:
                return each.svid
        raise NotEntitledError(f"no X.509-SVID has the hint {hint!r}")


@dataclass(frozen=True, slots=True)
class HintedToken:
    """A JWT-SVID with the operator's hint what to use it for; the token is a secret."""

    spiffe_id: SpiffeId
    token: str
    hint: str

    def __repr__(self) -> str:
        return f"HintedToken({self.spiffe_id}, hint={self.hint!r})"


def token_by_hint(tokens: Sequence[HintedToken], hint: str) -> HintedToken:
    """Return the first token with a hint.

    Raises:
        NotEntitledError: there is none.
    """
    for each in tokens:
        if each.hint == hint:
            return each
    raise NotEntitledError(f"no JWT-SVID has the hint {hint!r}")


@dataclass(frozen=True, slots=True)
class JwtBundles:
    """JWT authorities by trust domain."""

    bundles: Mapping[TrustDomain, TrustBundle]

    def validate(self, token: str, audience: str, now: datetime) -> ValidatedJwt:
        """Validate a token here; the endpoint's ValidateJWTSVID is to be preferred (section 6.3).

        Raises:
            JwtSvidError: the token is not good for ``audience``.
        """
        return validate_jwt_svid(token, (audience,), self.bundles, now)


@dataclass(frozen=True, slots=True)
class TokenClaims:
    """What the endpoint says about a token it found good."""

    spiffe_id: SpiffeId
    claims: Mapping[str, object]
