"""The loop that looks at each SVID when its time has come."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Hashable
from datetime import datetime
from typing import Any, Never, Protocol, TypeVar

from accredit.identity.clock import Clock
from accredit.rotation.agenda import Agenda
from accredit.rotation.alarm import Alarm
from accredit.rotation.jump import JumpDetector

_logger = logging.getLogger(__name__)

# Signing here is quick and holds up the event loop: so many at most before it goes round. With an
# authority elsewhere it is how many requests are on their way at once.
_AT_ONCE = 25


K = TypeVar("K", bound=Hashable)


class Cache(Protocol[K]):
    """What has to be looked at in time; ``planned`` is to be called for each new time."""

    agenda: Agenda[K]
    planned: Callable[[datetime], None]

    async def tend(self, held: K) -> None:
        """Do what is due."""
        ...

    def reconsider(self) -> None:
        """Plan anew after the wall clock jumped."""
        ...


class Renewal:
    """Sleeps until the next time in any cache's agenda; wakes early if the wall clock is set."""

    def __init__(self, clock: Clock, *caches: Cache[Any]) -> None:
        self._caches = caches
        self._clock = clock
        self._alarm = Alarm(clock)
        self._jumps = JumpDetector(clock)
        self._slots = asyncio.Semaphore(_AT_ONCE)
        for cache in caches:
            cache.planned = self._alarm.bring_forward

    async def run(self) -> Never:
        """Renew until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._alarm.wait(self._next())
                self._look_at_clock()
                for cache in self._caches:
                    await self._tend_due(cache, tasks)

    def _next(self) -> datetime | None:
        times = (cache.agenda.next() for cache in self._caches)
        return min((when for when in times if when is not None), default=None)

    async def _tend_due(self, cache: Cache[K], tasks: asyncio.TaskGroup) -> None:
        for held in cache.agenda.take_due(self._clock.now()):
            await self._slots.acquire()
            tasks.create_task(self._tend(cache, held), name="rotation/renew")

    async def _tend(self, cache: Cache[K], held: K) -> None:
        try:
            await cache.tend(held)
        finally:
            self._slots.release()

    def _look_at_clock(self) -> None:
        jump = self._jumps.look()
        if jump:
            _logger.warning(
                "the wall clock was set, or the machine slept",
                extra={"seconds": jump.total_seconds()},
            )
            for cache in self._caches:
                cache.reconsider()
