"""Where a stream waits for whatever comes first: a request, a new state, a nudge, the end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from accredit.identity.errors import AccreditError
from accredit.rotation.snapshot import Snapshot

R = TypeVar("R")


@dataclass(slots=True)
class Mailbox(Generic[R]):
    """Room for one request, which the next one waits for, and one state, which a newer replaces."""

    snapshot: Snapshot | None = None
    ended: bool = False
    error: AccreditError | None = None
    _request: R | None = None
    _filled: asyncio.Event = field(default_factory=asyncio.Event)
    _taken: asyncio.Event = field(default_factory=asyncio.Event)

    async def put(self, request: R) -> None:
        """Leave a request; return when it has been taken."""
        self._request = request
        self._taken.clear()
        self._filled.set()
        await self._taken.wait()

    def take(self) -> R | None:
        """Return the request, if there is one."""
        request, self._request = self._request, None
        self._taken.set()
        return request

    def publish(self, snapshot: Snapshot) -> None:
        """Replace the state."""
        self.snapshot = snapshot
        self._filled.set()

    def end(self, error: AccreditError | None = None) -> None:
        """Let the stream end, with ``error`` if there is one."""
        self.ended, self.error = True, self.error or error
        self._filled.set()

    def nudge(self) -> None:
        """Make the stream look again."""
        self._filled.set()

    async def wait(self) -> None:
        """Return once something has happened since the last return."""
        await self._filled.wait()
        self._filled.clear()
