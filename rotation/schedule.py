"""When to renew, and when to try again. Pure; a ``jitter`` is a number from -1 to 1."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

_SPREAD = 0.1


def renewal_time(not_before: datetime, not_after: datetime, jitter: float) -> datetime:
    """Return the middle of that time, give or take up to a tenth of the half."""
    return not_before + (not_after - not_before) / 2 * (1 + _SPREAD * jitter)


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits that double from ``first`` to ``longest``, give or take up to a tenth."""

    first: timedelta = timedelta(seconds=1)
    longest: timedelta = timedelta(minutes=1)

    def wait(self, failures: int, jitter: float) -> timedelta:
        """Return how long to wait after that many failures in a row, at least one."""
        grown = self.first * (1 << min(failures - 1, 32))
        return min(grown, self.longest) * (1 + _SPREAD * jitter)

    def retry_time(
        self, now: datetime, failures: int, jitter: float, ends: datetime | None = None
    ) -> datetime:
        """Return when to try again, sooner the less is left until ``ends``, and never past it.

        Half of what is left at most, so that several tries fit in; ``first`` apart at least.
        """
        wait = self.wait(failures, jitter)
        if ends is None or ends <= now:
            return now + wait
        return min(now + min(wait, max((ends - now) / 2, self.first)), ends)
