"""When revoked SVIDs end, whatever somebody sets the clock on the wall to."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from accredit.authority.revocation.crls import CrlPolicy
from accredit.authority.revocation.record import RevokedSvid
from accredit.identity.clock import Clock


class Ends:
    """Has each SVID end by the monotonic clock too; those of before a restart begin anew."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ends: dict[int, float] = {}

    def follow(self, svids: Iterable[RevokedSvid], longest: timedelta) -> None:
        """Know these and no others; the end of one that was known stays as it was."""
        now = self._clock.now()
        self._ends = {
            each.svid.serial: self._ends.get(each.svid.serial) or self._end(each, now, longest)
            for each in svids
        }

    def without_ended(
        self, svids: Iterable[RevokedSvid], policy: CrlPolicy
    ) -> tuple[RevokedSvid, ...]:
        """Return those that have not ended, by both clocks."""
        ended = self._clock.now() - policy.skew
        return tuple(
            each
            for each in svids
            # A clock that is set forward, and back again, must not give it back to its thief.
            if each.svid.not_after >= ended or self._lasts(each.svid.serial)
        )

    def _end(self, revoked: RevokedSvid, now: datetime, longest: timedelta) -> float:
        """Return when it ends by the monotonic clock, if the clock on the wall is right now."""
        rest = min(revoked.svid.not_after - now, longest)
        return self._clock.monotonic() + rest.total_seconds()

    def _lasts(self, serial: int) -> bool:
        return self._clock.monotonic() < self._ends.get(serial, 0)
