"""What one caller, and all callers together, may take."""

from __future__ import annotations

import resource
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import timedelta

from accredit.identity.errors import UnavailableError

_DESCRIPTORS_PER_CONNECTION = 4  # accepted, ours to grpcio, grpcio's; and one for JWK Sets
_DESCRIPTORS_FOR_THE_REST = 256


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the public socket; each has a default that a busy host does not reach.

    ``connections`` is lowered to what the file limit of the process allows. ``request_bytes`` is
    what all requests together may hold that have come and were not read yet, incomplete ones above
    all. ``first_request`` is how long a connection may stay without one, ``attestation`` how long
    one attestor may take, ``attestations`` on how many callers it works at a time, ``drain`` how
    long a request in flight may take when the agent stops.
    """

    connections: int = 10_000
    connections_per_uid: int = 5_000
    streams_per_uid: int = 20_000
    streams_per_connection: int = 1_000
    message_bytes: int = 4 << 20
    request_bytes_per_uid: int = 128 << 20
    request_bytes: int = 256 << 20
    header_bytes: int = 16 << 10
    first_request: timedelta = timedelta(seconds=30)
    attestation: timedelta = timedelta(seconds=5)
    attestations: int = 256
    drain: timedelta = timedelta(seconds=5)


class Shares:
    """Counts what each uid, or ``who`` else, holds of one thing, up to a bound and one for all."""

    def __init__(
        self, what: str, each: int, together: int | None = None, *, who: str = "uid"
    ) -> None:
        self._what = what
        self._who = who
        self._each = each
        self._together = together
        self._held: dict[Hashable, int] = {}
        self.total = 0

    def take(self, holder: Hashable, amount: int = 1) -> None:
        """Count ``amount`` more for ``holder``.

        Raises:
            UnavailableError: it, or all together, hold as much as they may; nothing is counted.
        """
        held = self._held.get(holder, 0)
        if held + amount > self._each:
            raise UnavailableError(
                f"{self._who} {holder} has {held} {self._what} open, as many as it may"
            )
        if self._together is not None and self.total + amount > self._together:
            raise UnavailableError(f"{self.total} {self._what} are open, as many as there may be")
        self._held[holder] = held + amount
        self.total += amount

    def give_back(self, holder: Hashable, amount: int = 1) -> None:
        """Count ``amount`` less for ``holder``."""
        if amount:
            self.total -= amount
            self._held[holder] -= amount
            if not self._held[holder]:
                del self._held[holder]

    def held(self, holder: Hashable) -> int:
        """Return how many ``holder`` has."""
        return self._held.get(holder, 0)


def raise_file_limit() -> int:
    """Raise the soft limit of open files to the hard one; returns it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def affordable_connections(files: int) -> int:
    """Return how many connections fit in a limit of open ``files``, with some left for the rest."""
    return max(1, (files - _DESCRIPTORS_FOR_THE_REST) // _DESCRIPTORS_PER_CONNECTION)
