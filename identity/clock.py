"""Time, as an argument."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Where components get the time from; tests bring one that jumps."""

    def now(self) -> datetime:
        """Return the wall clock, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back and stand still during a suspend."""
        ...

    async def sleep_until(self, when: datetime) -> None:
        """Return once the wall clock shows ``when`` or has been set to another time.

        Waking early is allowed (the clock jumped); callers look at ``now()`` again.
        """
        ...
