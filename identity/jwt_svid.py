"""The JWT-SVID of a workload, and how it is signed, JWT-SVID sections 2 to 4."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from accredit.identity.errors import JwtSvidError
from accredit.identity.jws import MAX_TOKEN_CHARS, algorithm_for, sign
from accredit.identity.keys import PrivateKey
from accredit.identity.spiffe_id import SpiffeId
from accredit.identity.strict_json import base64url_encode, dumps


@dataclass(frozen=True)
class JwtSvid:
    """A signed token. Whoever holds ``token`` is the workload, so it stays out of ``repr``."""

    token: str = field(repr=False)
    spiffe_id: SpiffeId
    audience: tuple[str, ...]
    issued_at: datetime
    expires_at: datetime


def sign_jwt_svid(  # noqa: PLR0913  all but two by name
    spiffe_id: SpiffeId,
    audience: Sequence[str],
    *,
    key: PrivateKey,
    kid: str,
    now: datetime,
    lifetime: timedelta,
) -> JwtSvid:
    """Return a token for ``spiffe_id`` that ends ``lifetime`` after ``now``, in whole seconds.

    Raises:
        JwtSvidError: no audience or an empty one, an ID without a path, a lifetime under a second,
            a key that JWT-SVID knows no algorithm for, or a token that would be too long to verify.
    """
    issued = now.astimezone(UTC).replace(microsecond=0)
    expires = (now.astimezone(UTC) + lifetime).replace(microsecond=0)
    audience = _checked(spiffe_id, audience, kid)
    if expires <= issued:
        raise JwtSvidError("JWT-SVID 3.3", "the lifetime is shorter than a second")
    header = {"alg": algorithm_for(key), "kid": kid, "typ": "JWT"}
    claims = {
        "sub": str(spiffe_id),
        "aud": audience,
        "iat": int(issued.timestamp()),
        "exp": int(expires.timestamp()),
    }
    token = _compact(header, claims, key)
    if len(token) > MAX_TOKEN_CHARS:
        raise JwtSvidError("JWT-SVID 3.2", "too many or too long audiences")
    return JwtSvid(token, spiffe_id, tuple(audience), issued, expires)


def _checked(spiffe_id: SpiffeId, audience: Sequence[str], kid: str) -> list[str]:
    if isinstance(audience, str):
        raise TypeError("audience is a sequence of strings, not one string")
    if not spiffe_id.path:
        raise JwtSvidError("JWT-SVID 3.1", f"a workload's SPIFFE ID needs a path: {spiffe_id}")
    if not kid:
        raise JwtSvidError("JWT-SVID 6.1", "kid is empty")
    if not audience or not all(audience):
        raise JwtSvidError("JWT-SVID 3.2", "the audience is empty")
    return list(dict.fromkeys(audience))


def _compact(header: Mapping[str, object], claims: Mapping[str, object], key: PrivateKey) -> str:
    signing_input = f"{_part(header)}.{_part(claims)}"
    return f"{signing_input}.{base64url_encode(sign(signing_input.encode('ascii'), key))}"


def _part(value: Mapping[str, object]) -> str:
    return base64url_encode(dumps(value))
