"""The loop that looks at each SVID when its time has come."""

from __future__ import annotations

import asyncio
import logging
from typing import Never

from accredit.identity.clock import Clock
from accredit.rotation.alarm import Alarm
from accredit.rotation.held import Held
from accredit.rotation.jump import JumpDetector
from accredit.rotation.svid_cache import SvidCache

_logger = logging.getLogger(__name__)

# Signing here is quick and holds up the event loop: so many at most before it goes round. With an
# authority elsewhere it is how many requests are on their way at once.
_AT_ONCE = 25


class Renewal:
    """Sleeps until the next time in the cache's agenda; wakes early if the wall clock is set."""

    def __init__(self, cache: SvidCache, clock: Clock) -> None:
        self._cache = cache
        self._clock = clock
        self._alarm = Alarm(clock)
        self._jumps = JumpDetector(clock)
        self._slots = asyncio.Semaphore(_AT_ONCE)
        cache.planned = self._alarm.bring_forward

    async def run(self) -> Never:
        """Renew until cancelled."""
        agenda = self._cache.agenda
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._alarm.wait(agenda.next())
                self._look_at_clock()
                for held in agenda.take_due(self._clock.now()):
                    await self._slots.acquire()
                    tasks.create_task(self._tend(held), name="rotation/renew")

    async def _tend(self, held: Held) -> None:
        try:
            await self._cache.tend(held)
        finally:
            self._slots.release()

    def _look_at_clock(self) -> None:
        jump = self._jumps.look()
        if jump:
            _logger.warning(
                "the wall clock was set, or the machine slept",
                extra={"seconds": jump.total_seconds()},
            )
            self._cache.reconsider()
