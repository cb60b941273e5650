"""JWT-SVIDs kept fresh over an authority that a test sets the mood of."""

from __future__ import annotations

from typing import Any

from accredit.authority.entry import Entry
from accredit.rotation.followed_tokens import FollowedTokens
from accredit.rotation.jwt_cache import JwtCache
from accredit.rotation.renewal import Renewal
from accredit.rotation.settings import RotationSettings
from accredit.rotation.token_follower import TokenFollower
from accredit.rotation.watcher import Waker
from support.clock import FakeClock
from support.fake_authority import FakeAuthority


class TokenBench:
    """A component: run it, and what is followed is signed and renewed."""

    def __init__(self, *entries: Entry, **settings: Any) -> None:
        self.clock = FakeClock()
        self.authority = FakeAuthority(self.clock, *entries)
        made = RotationSettings(**settings)
        cache = JwtCache(self.authority, self.clock, made)
        self.tokens = FollowedTokens(cache, self.authority, self.clock, made, Waker().wake)
        self.authority.subscribe(self.tokens.update)
        self.run = Renewal(self.clock, self.tokens).run

    def follower(self, patience: float = 5) -> TokenFollower:
        return TokenFollower(self.tokens, self.clock, patience)


def no_tokens() -> TokenFollower:
    """Return what finds no token, as nobody has an entry."""
    return TokenBench().follower()
