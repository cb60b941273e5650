"""One entry's JWT-SVID for one audience, who follows it, and how its renewal goes."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, TypeVar, cast

from accredit.authority.entry import Entry
from accredit.identity.jwt_svid import JwtSvid
from accredit.identity.spiffe_id import SpiffeId

T = TypeVar("T")


class Follower(Protocol):
    """Who hears that a token was replaced or has ended."""

    def wake(self) -> None:
        """Look again, soon."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Token:
    """A JWT-SVID, and what is made of it once for all who follow it."""

    svid: JwtSvid
    _wire: dict[Hashable, object] = field(default_factory=dict, repr=False)

    def memo(self, key: Hashable, make: Callable[[JwtSvid], T]) -> T:
        """Return ``make(svid)``, made once per token and key."""
        if key not in self._wire:
            self._wire[key] = make(self.svid)
        return cast("T", self._wire[key])


@dataclass(frozen=True, slots=True)
class TokenForm:
    """What a token is made from; one of another form is to be replaced."""

    spiffe_id: SpiffeId
    ttl: timedelta
    generation: int


@dataclass(eq=False, slots=True)
class HeldToken:
    """Mutable, owned by FollowedTokens. ``retry_at`` is there while renewals fail."""

    entry: Entry
    audience: str
    followers: set[Follower] = field(default_factory=set)
    token: Token | None = None
    form: TokenForm | None = None
    renew_at: datetime | None = None
    retry_at: datetime | None = None
    failures: int = 0
    rotations: int = 0
    error: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from others."""
        return self.entry.entry_id, self.audience

    @property
    def ends(self) -> datetime | None:
        """The first moment at which the token has expired."""
        return None if self.token is None else self.token.svid.expires_at

    def usable(self, now: datetime) -> Token | None:
        """Return the token unless it has expired or names somebody the entry no longer does."""
        if self.token is None or now >= self.token.svid.expires_at:
            return None
        return self.token if self.token.svid.spiffe_id == self.entry.spiffe_id else None

    def due(self, form: TokenForm, now: datetime) -> bool:
        """Tell whether there should be a new token, were the last try not too short ago."""
        if self.form != form or self.usable(now) is None:
            return True
        return self.renew_at is not None and self.renew_at <= now

    def lacks(self, form: TokenForm, now: datetime) -> bool:
        """Tell whether a new token should be asked for now."""
        return self.due(form, now) and (self.retry_at is None or self.retry_at <= now)

    def next_look(self, form: TokenForm, now: datetime) -> datetime:
        """Return when something is to be done about it: a renewal, a retry or its end."""
        if self.retry_at is not None:
            # One that has ended and was taken away has no end left to wait for.
            return min(self.retry_at, self.ends or self.retry_at)
        if self.due(form, now) or self.renew_at is None:
            return now
        return self.renew_at

    def renewed(self, svid: JwtSvid, form: TokenForm, renew_at: datetime) -> None:
        """Put ``svid`` in the place of the one before."""
        self.token, self.form, self.renew_at = Token(svid), form, renew_at
        self.retry_at, self.failures, self.error = None, 0, ""
        self.rotations += 1
