"""The clock of the running agent: one kernel timer for everyone who waits for a wall-clock time.

Waiting by the wall clock is what certificates need, and the event loop cannot: its timers follow
the monotonic clock, so after a suspend or when the clock is set they would come hours late.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

from accredit.rotation.agenda import Agenda
from accredit.rotation.timerfd import Timer, TimerFd

_Sleeper = asyncio.Future[None]


class SystemClock:
    """A Clock for one event loop at a time. Nothing runs while nobody waits."""

    def __init__(self, timer: Timer | None = None) -> None:
        self._timer = timer or TimerFd()
        self._sleepers: Agenda[_Sleeper] = Agenda()
        self._loop: asyncio.AbstractEventLoop | None = None

    def now(self) -> datetime:
        """Return the wall clock, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never go back and stand still during a suspend."""
        return time.monotonic()

    async def sleep_until(self, when: datetime) -> None:
        """Return once the wall clock shows ``when`` or was set, or the machine was suspended."""
        sleeper = asyncio.get_running_loop().create_future()
        self._sleepers.set(sleeper, when)
        try:
            self._watch()
            await sleeper
        finally:
            self._sleepers.drop(sleeper)
            self._watch()

    def close(self) -> None:
        """Give the timer back; nobody may be waiting."""
        self._timer.close()

    def _watch(self) -> None:
        """Arm the timer for the soonest sleeper, or let go of the event loop if there is none."""
        soonest = self._sleepers.next()
        if soonest is None:
            self._leave()
            return
        self._enter()
        if not self._timer.arm(soonest):
            self._wake_all()

    def _enter(self) -> None:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._loop.add_reader(self._timer.fileno(), self._fired)

    def _leave(self) -> None:
        if self._loop is not None:
            self._loop.remove_reader(self._timer.fileno())
            self._loop = None

    def _fired(self) -> None:
        if not self._timer.read():
            self._wake_all()
            return
        for sleeper in self._sleepers.take_due(self.now()):
            _wake(sleeper)
        self._watch()

    def _wake_all(self) -> None:
        while (soonest := self._sleepers.next()) is not None:
            for sleeper in self._sleepers.take_due(soonest):
                _wake(sleeper)
        self._leave()


def _wake(sleeper: _Sleeper) -> None:
    if not sleeper.done():
        sleeper.set_result(None)
