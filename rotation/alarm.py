"""A sleep that others may cut short."""

from __future__ import annotations

import asyncio
from datetime import datetime

from accredit.identity.clock import Clock


class Alarm:
    """Wakes one sleeper at a wall-clock time, or earlier when something sooner comes up."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until: datetime | None = None
        self._sleep: asyncio.Task[None] | None = None

    async def wait(self, until: datetime | None) -> None:
        """Return at ``until`` at the latest, with None when brought forward only."""
        self._until = until
        try:
            async with asyncio.TaskGroup() as tasks:
                self._sleep = tasks.create_task(self._sleep_until(until), name="rotation/alarm")
        finally:
            self._sleep = None

    def bring_forward(self, when: datetime) -> None:
        """End the sleep if it would last beyond ``when``."""
        if self._sleep is not None and (self._until is None or when < self._until):
            # A cancelled child ends a task group without an error.
            self._sleep.cancel()

    async def _sleep_until(self, until: datetime | None) -> None:
        if until is None:
            await asyncio.Event().wait()
        else:
            await self._clock.sleep_until(until)
