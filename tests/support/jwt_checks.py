"""JWT-SVIDs good and bad, shown to our validation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest

from accredit.identity.bundle import JwtAuthority, TrustBundle
from accredit.identity.errors import JwtSvidError
from accredit.identity.jwt_verify import ValidatedJwt, validate_jwt_svid
from accredit.identity.keys import KeyType, generate
from accredit.identity.spiffe_id import SpiffeId, TrustDomain
from support.clock import EPOCH
from support.token import Token

TD, B = TrustDomain("td.example"), TrustDomain("b.example")
A = SpiffeId(TD, "/a")
KEY = generate(KeyType.EC_P256)
AUTHORITY = JwtAuthority("kid", KEY.public_key())
BUNDLES = {TD: TrustBundle(TD, jwt_authorities=(AUTHORITY,))}
TOKEN = Token(KEY, header={"kid": "kid"})
NOW = int(EPOCH.timestamp())


def validate(
    token: Token | str,
    *audience: str,
    bundles: Mapping[TrustDomain, TrustBundle] = BUNDLES,
    leeway: timedelta = timedelta(),
) -> ValidatedJwt:
    return validate_jwt_svid(str(token), audience or ("aud",), bundles, EPOCH, leeway=leeway)


def refused(
    token: Token | str,
    reason: str,
    *audience: str,
    bundles: Mapping[TrustDomain, TrustBundle] = BUNDLES,
    leeway: timedelta = timedelta(),
) -> str:
    """Return the rule that the refusal names."""
    with pytest.raises(JwtSvidError, match=reason) as caught:
        validate(token, *audience, bundles=bundles, leeway=leeway)
    return caught.value.rule
