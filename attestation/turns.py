"""A bounded number of attestations at a time, and whose turn is next.

A thousand callers may come in one moment, and what is asked about them, a daemon's socket or a name
service, takes one at a time or a few. So each attestor works on some, the others wait, and users
take turns: however many processes one of them starts, another's is next but a few.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from accredit.attestation.attestor import WorkloadAttestor
from accredit.attestation.caller import KernelCaller
from accredit.attestation.evidence import Evidence

# Of one user, so that what hangs for its processes leaves room for those of others.
_SHARE = 4


class Turns:
    """At most ``at_once`` at a time, and of one user at most a quarter of them."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._each = max(1, at_once // _SHARE)
        self._running: Counter[int] = Counter()
        self.running = 0
        # By user, the one whose turn is next first; sets with an order, of those who wait.
        self._waiting: dict[int, dict[asyncio.Future[None], None]] = {}

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(map(len, self._waiting.values()))

    @asynccontextmanager
    async def of(self, uid: int) -> AsyncIterator[None]:
        """Wait for a turn of user ``uid``, and keep it meanwhile."""
        await self._take(uid)
        try:
            yield
        finally:
            self._give_back(uid)

    async def _take(self, uid: int) -> None:
        if self._may(uid) and uid not in self._waiting:
            self._begin(uid)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(uid, {})[turn] = None
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._stop_waiting(uid, turn)
            else:
                self._give_back(uid)
            raise

    def _may(self, uid: int) -> bool:
        return self.running < self._at_once and self._running[uid] < self._each

    def _begin(self, uid: int) -> None:
        self.running += 1
        self._running[uid] += 1

    def _give_back(self, uid: int) -> None:
        self.running -= 1
        self._running[uid] -= 1
        if not self._running[uid]:
            del self._running[uid]
        while (uid_next := next(filter(self._may, self._waiting), None)) is not None:
            turn = self._first(uid_next)
            if not turn.cancelled():
                self._begin(uid_next)
                turn.set_result(None)
                return

    def _first(self, uid: int) -> asyncio.Future[None]:
        """Take the first who waits of one user, whose next is behind those of all others."""
        waiting = self._waiting.pop(uid)
        turn = next(iter(waiting))
        del waiting[turn]
        if waiting:
            self._waiting[uid] = waiting
        return turn

    def _stop_waiting(self, uid: int, turn: asyncio.Future[None]) -> None:
        waiting = self._waiting.get(uid, {})
        waiting.pop(turn, None)
        if not waiting:
            self._waiting.pop(uid, None)


class InTurns:
    """An attestor that works on at most ``at_once`` callers at a time, in turns by user.

    Waiting counts as its own time: where it takes too long, it costs this attestor's selectors,
    until the next try, and no others.
    """

    def __init__(self, attestor: WorkloadAttestor, at_once: int) -> None:
        self._attestor = attestor
        self.turns = Turns(at_once)

    @property
    def name(self) -> str:
        """The name of the attestor."""
        return self._attestor.name

    async def attest(self, caller: KernelCaller) -> Evidence:
        """Return what the attestor returns, once it is the turn of the caller's user."""
        async with self.turns.of(caller.uid):
            return await self._attestor.attest(caller)
