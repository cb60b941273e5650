"""Notices that the wall clock was set, or that the machine was suspended."""

from __future__ import annotations

from datetime import timedelta

from accredit.identity.clock import Clock

# Slewing moves the clock by at most 500 ppm: under two seconds an hour.
_TOLERANCE = timedelta(seconds=2)


class JumpDetector:
    """Compares the wall clock with the monotonic one, which stands still during a suspend."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wall, self._monotonic = clock.now(), clock.monotonic()

    def look(self) -> timedelta:
        """Return how far the wall clock jumped since the last look; zero if it just went on."""
        wall, monotonic = self._clock.now(), self._clock.monotonic()
        jump = wall - self._wall - timedelta(seconds=monotonic - self._monotonic)
        self._wall, self._monotonic = wall, monotonic
        return jump if abs(jump) > _TOLERANCE else timedelta()
