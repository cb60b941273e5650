"""One stream's interest in JWT-SVIDs: what it looked up last is what it follows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from accredit.authority.entry import Entry
from accredit.identity.clock import Clock
from accredit.rotation.followed_tokens import FollowedTokens
from accredit.rotation.held_token import HeldToken, Token

NOT_YET = "nobody can sign it just now"


class TokenFollower:
    """``wake`` is called when a token that was looked up is there, was replaced or has ended."""

    __slots__ = ("_clock", "_followed", "_patience", "_seen", "_tokens", "wake")

    def __init__(self, tokens: FollowedTokens, clock: Clock, patience: float) -> None:
        self.wake: Callable[[], None] = _nobody
        self._tokens = tokens
        self._clock = clock
        self._patience = patience
        self._followed: dict[tuple[str, str], HeldToken] = {}
        self._seen: dict[tuple[str, str], None] = {}

    def look_up(self, entry: Entry, audience: str) -> Token | str:
        """Return the newest token, following it from here on, or why there is none."""
        held = self._tokens.join(entry, audience, self)
        if isinstance(held, str):
            return held
        self._seen[held.key] = None
        self._followed[held.key] = held
        return held.usable(self._clock.now()) or (
            f"{NOT_YET}: {held.error}" if held.error else NOT_YET
        )

    @contextmanager
    def round(self) -> Iterator[None]:
        """Follow afterwards what was looked up meanwhile, and nothing else."""
        self._seen.clear()
        self._tokens.turn_to(self)
        yield
        for key in self._followed.keys() - self._seen.keys():
            self._leave(key)
        self._tokens.invite()

    async def obtain(self) -> None:
        """Return once each token that was looked up is there or could not be signed.

        That is waited for as long as for a first X.509-SVID.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience):
                for held in tuple(self._followed.values()):
                    if not self._tokens.usable(held):
                        await self._tokens.tend(held)

    def close(self) -> None:
        """Follow nothing more."""
        self._tokens.turn_to(self)
        for key in tuple(self._followed):
            self._leave(key)
        self._tokens.invite()

    def _leave(self, key: tuple[str, str]) -> None:
        del self._followed[key]
        self._tokens.leave(key, self)


def _nobody() -> None:
    """Wake nobody: what only asks once waits for what it asked for."""
