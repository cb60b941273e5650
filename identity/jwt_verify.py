"""Validating JWT-SVIDs, JWT-SVID sections 2 to 4, with keys of the subject's trust domain only."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from accredit.identity.bundle import TrustBundle
from accredit.identity.errors import JwtSvidError, SpiffeIdError
from accredit.identity.jws import Jws, parse
from accredit.identity.keys import PublicKey
from accredit.identity.spiffe_id import SpiffeId, TrustDomain
from accredit.identity.strict_json import loads_object

# A token without kid costs one signature check per key; the sender must not choose how many.
_MAX_KEYS_TRIED = 16
_NO_LEEWAY = timedelta()


@dataclass(frozen=True)
class ValidatedJwt:
    """What a valid token says. ``aud`` in ``claims`` is always a list."""

    spiffe_id: SpiffeId
    claims: Mapping[str, object] = field(repr=False)
    expires_at: datetime


def validate_jwt_svid(
    token: str,
    audience: Collection[str],
    bundles: Mapping[TrustDomain, TrustBundle],
    now: datetime,
    *,
    leeway: timedelta = _NO_LEEWAY,
) -> ValidatedJwt:
    """Return the claims of ``token`` if it is valid at ``now`` for one of ``audience``.

    ``leeway`` is for clocks that differ; it widens both ends of the token's life.

    Raises:
        JwtSvidError: no valid JWT-SVID, or ``audience`` is empty.
    """
    _check_wanted(audience)
    jws = parse(token)
    claims = _claims(jws)
    spiffe_id = _subject(claims)
    _check_signature(jws, bundles.get(spiffe_id.trust_domain))
    expires_at = _check_times(claims, now, leeway)
    claims["aud"] = _check_audience(claims, audience)
    return ValidatedJwt(spiffe_id, MappingProxyType(claims), expires_at)


def lifetime(token: str) -> tuple[datetime | None, datetime]:
    """Return when a token of our own was issued, if it says, and when it ends; nothing is verified.

    Raises:
        JwtSvidError: it is no JWT-SVID, or does not say.
    """
    claims = _claims(parse(token))
    expires_at = _date(claims, "exp")
    if expires_at is None:
        raise JwtSvidError("JWT-SVID 3.3", "exp is missing")
    return _date(claims, "iat"), expires_at


def _check_wanted(audience: Collection[str]) -> None:
    # "rep" in "reports" is true.
    if isinstance(audience, str):
        raise TypeError("audience is a collection of strings, not one string")
    if not audience or not all(audience):
        raise JwtSvidError("JWT-SVID 3.2", "no audience to compare with was given")


def _claims(jws: Jws) -> dict[str, object]:
    try:
        return loads_object(jws.payload)
    except ValueError as error:
        raise JwtSvidError("RFC 7519 4", f"claims: {error}") from None


def _subject(claims: Mapping[str, object]) -> SpiffeId:
    subject = claims.get("sub")
    if not isinstance(subject, str):
        raise JwtSvidError("JWT-SVID 3.1", "sub is missing or not a string")
    try:
        return SpiffeId.parse(subject)
    except SpiffeIdError as error:
        raise JwtSvidError("JWT-SVID 3.1", f"sub: {error}") from None


def _check_signature(jws: Jws, bundle: TrustBundle | None) -> None:
    if bundle is None or not bundle.jwt_authorities:
        raise JwtSvidError("Workload API 6.3", "no JWT keys of the subject's trust domain")
    keys = _candidates(jws, bundle)
    if not keys:
        raise JwtSvidError("JWT-SVID 4", "no key of the subject's trust domain fits alg and kid")
    if not any(jws.signed_by(key) for key in keys):
        raise JwtSvidError("JWT-SVID 4", "the signature does not verify")


def _candidates(jws: Jws, bundle: TrustBundle) -> list[PublicKey]:
    return [
        authority.public_key
        for authority in bundle.jwt_authorities
        if jws.fits(authority.public_key) and jws.key_id in {None, authority.key_id}
    ][:_MAX_KEYS_TRIED]


def _check_times(claims: Mapping[str, object], now: datetime, leeway: timedelta) -> datetime:
    expires_at = _date(claims, "exp")
    if expires_at is None:
        raise JwtSvidError("JWT-SVID 3.3", "exp is missing")
    if now - leeway >= expires_at:
        raise JwtSvidError("JWT-SVID 3.3", "the token has expired")
    not_before = _date(claims, "nbf")
    if not_before is not None and now + leeway < not_before:
        raise JwtSvidError("RFC 7519 4.1.5", "the token is not valid yet")
    _date(claims, "iat")
    return expires_at


def _date(claims: Mapping[str, object], name: str) -> datetime | None:
    if name not in claims:
        return None
    value = claims[name]
    # bool is an int to Python.
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise JwtSvidError("RFC 7519 2", f"{name} is not a number")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError):
        raise JwtSvidError("RFC 7519 2", f"{name} is no date before the year 10000") from None


def _check_audience(claims: Mapping[str, object], wanted: Collection[str]) -> list[str]:
    value = claims.get("aud")
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not values:
        raise JwtSvidError("JWT-SVID 3.2", "aud is missing or empty")
    if not all(isinstance(each, str) and each for each in values):
        raise JwtSvidError("JWT-SVID 3.2", "aud holds something other than non-empty strings")
    if set(values).isdisjoint(wanted):
        raise JwtSvidError("JWT-SVID 3.2", "aud does not name this audience")
    return values
