"""One connected workload: its kernel-proven process and what is known of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from accredit.attestation.evidence import Evidence


class Living(Protocol):
    """What may have gone, or become another, since it was looked at."""

    def require_same(self) -> None:
        """Raise AttestationError unless it lives, with the ids and executable it connected with."""
        ...


class Caller(Living, Protocol):
    """The process at the other end of one accepted socket."""

    @property
    def pid(self) -> int:
        """Process id in our pid namespace."""
        ...

    @property
    def uid(self) -> int:
        """User id at connect, from SO_PEERCRED."""
        ...

    @property
    def gid(self) -> int:
        """Group id at connect, from SO_PEERCRED."""
        ...


class Subject(Protocol):
    """Whose identities are asked for: a workload, or what the configuration's owner declared."""

    @property
    def caller(self) -> Living:
        """Who must still be there for each further answer."""
        ...

    async def evidence(self) -> Evidence:
        """Return what is known of the caller; the first call attests, later ones share it.

        Raises:
            AttestationError: the caller has died, was replaced or cannot be identified.
        """
        ...

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call ``changed`` when a partial result was completed; returns the undo."""
        ...


class Workload(Subject, Protocol):
    """One connection's caller together with its attestation, shared by all its streams."""

    @property
    def caller(self) -> Caller:
        """The process that connected."""
        ...
