"""How many bytes of requests are on their way in one connection, come and not yet delivered.

grpcio keeps every message that has begun until the last byte of it is there, for as many streams as
there may be. So what a connection sends is counted against what arrives at a method. Frames that
carry no message are forgiven slowly: a keep-alive that runs for months costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from accredit.agent.limits import Shares

_FREE_BYTES = 1 << 16
_FORGIVEN_PER_MESSAGE = 512  # its headers
_FORGIVEN_PER_SECOND = 4.0


class Unread:
    """One connection's count; what goes beyond 64 KiB is taken from the share of user ``uid``."""

    __slots__ = ("_bytes", "_charged", "_now", "_seen", "_shares", "_uid")

    def __init__(self, shares: Shares, uid: int, now: Callable[[], float]) -> None:
        self._shares = shares
        self._uid = uid
        self._now = now
        self._seen = now()
        self._bytes = 0
        self._charged = 0

    def came(self, count: int) -> None:
        """Count bytes that have come.

        Raises:
            UnavailableError: the user, or all together, hold as much as they may.
        """
        self._bytes += count
        if self._bytes - self._charged > _FREE_BYTES:
            self._forgive()
            self._charge()

    def delivered(self, count: int) -> None:
        """Count a message of ``count`` bytes that has reached its method."""
        self._bytes = max(0, self._bytes - count - _FORGIVEN_PER_MESSAGE)
        if self._charged:
            self._charge()

    def close(self) -> None:
        """Give back the share."""
        self._bytes = 0
        self._charge()

    def _forgive(self) -> None:
        now = self._now()
        self._bytes = max(0, self._bytes - int((now - self._seen) * _FORGIVEN_PER_SECOND))
        self._seen = now

    def _charge(self) -> None:
        due = max(0, self._bytes - _FREE_BYTES)
        if due > self._charged:
            self._shares.take(self._uid, due - self._charged)
        else:
            self._shares.give_back(self._uid, self._charged - due)
        self._charged = due
