"""A clock that stands still until a test moves it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
_QUICK_TURNS, _TURNS, _LONG_TURN = 1000, 10_000, 0.005


class FakeClock:
    """Moves by ``advance`` and ``jump`` only, or, with ``jumps``, to whatever is waited for.

    ``waits`` lists how long each sleep was asked to be.
    """

    def __init__(self, start: datetime = EPOCH, *, jumps: bool = False) -> None:
        self.waits: list[timedelta] = []
        self._now = start
        self._monotonic = 1000.0
        self._jumps = jumps
        self._sleepers: dict[asyncio.Future[None], datetime] = {}

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    @property
    def next_wake(self) -> datetime | None:
        """When the first sleeper wakes, or None if nobody sleeps."""
        return min(self._sleepers.values(), default=None)

    @property
    def sleepers(self) -> int:
        """How many sleep here."""
        return len(self._sleepers)

    async def sleep_until(self, when: datetime) -> None:
        self.waits.append(when - self._now)
        if self._jumps and when > self._now:
            self._move(when - self._now)
        if when <= self._now:
            await asyncio.sleep(0)
            return
        sleeper = asyncio.get_running_loop().create_future()
        self._sleepers[sleeper] = when
        try:
            await sleeper
        finally:
            self._sleepers.pop(sleeper, None)

    async def settle(self, sleepers: int = 1, turns: int = _TURNS) -> None:
        """Let tasks and their threads run until that many sleep here; fail if they never do."""
        for turn in range(turns):
            await asyncio.sleep(0 if turn < _QUICK_TURNS else _LONG_TURN)
            if len(self._sleepers) >= sleepers:
                return
        raise AssertionError(f"only {len(self._sleepers)} of {sleepers} came to sleep")

    def advance(self, delta: timedelta) -> None:
        """Let time pass: wake those whose time has come."""
        self._move(delta)

    def jump(self, delta: timedelta) -> None:
        """Set the wall clock, forward or back, as an administrator would: wakes everyone."""
        self._now += delta
        self._wake(list(self._sleepers))

    def _move(self, delta: timedelta) -> None:
        self._now += delta
        self._monotonic += delta.total_seconds()
        self._wake([sleeper for sleeper, when in self._sleepers.items() if when <= self._now])

    def _wake(self, sleepers: list[asyncio.Future[None]]) -> None:
        for sleeper in sleepers:
            self._sleepers.pop(sleeper)
            # A task that was cancelled in the meantime has cancelled its future too.
            if not sleeper.done():
                sleeper.set_result(None)
