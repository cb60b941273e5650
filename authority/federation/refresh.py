"""When to fetch a bundle next. Pure; a ``jitter`` is a number from -1 to 1."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from accredit.authority.federation.relationship import FederationSettings

_SPREAD = 0.1
_FIRST_RETRY = timedelta(seconds=5)
_MOST_DOUBLINGS = 16


def interval(settings: FederationSettings, hint: timedelta | None) -> timedelta:
    """Return how often to fetch: the other side's hint within our bounds, SPIFFE Federation 4.1."""
    if hint is None:
        return settings.refresh
    return min(max(hint, settings.refresh_min), settings.refresh_max)


def wait(
    settings: FederationSettings,
    hint: timedelta | None,
    jitter: float,
    failures_at_first: int = 0,
) -> timedelta:
    """Return how long to wait after a fetch, give or take up to a tenth.

    A failed fetch waits for the next interval like a good one (Federation 6.2). Only as long as
    none has ever been good, ``failures_at_first`` counts them, and the waits grow up to it.
    """
    whole = interval(settings, hint)
    if failures_at_first:
        whole = min(_FIRST_RETRY * (1 << min(failures_at_first - 1, _MOST_DOUBLINGS)), whole)
    return whole * (1 + _SPREAD * jitter)


@dataclass(frozen=True, slots=True)
class Wait:
    """A wait that ends by whichever clock is first.

    The wall clock goes on during a suspend, and the monotonic one when somebody sets it back.
    """

    began: datetime
    began_monotonic: float
    length: timedelta

    def left(self, now: datetime, monotonic: float) -> timedelta:
        """Return how much is left of it; zero or less when it is over."""
        passed = max(now - self.began, timedelta(seconds=monotonic - self.began_monotonic))
        return self.length - passed
