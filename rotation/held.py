"""One entry's X.509-SVID, and how its renewal goes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from accredit.authority.entry import Entry
from accredit.identity.spiffe_id import SpiffeId
from accredit.identity.x509_svid import X509Svid

# An expired SVID is one whose last second has passed.
_BEYOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Form:
    """What an SVID is made from; one of another form is to be replaced."""

    spiffe_id: SpiffeId
    ttl: timedelta
    dns_names: tuple[str, ...]
    generation: int


@dataclass(eq=False, slots=True)
class Held:
    """Mutable, owned by the cache.

    ``retry_at`` is there while renewals fail. ``flight`` is there while one is under way, and set
    when that one ends, however it ends.
    """

    entry: Entry
    asked: datetime
    svid: X509Svid | None = None
    form: Form | None = None
    renew_at: datetime | None = None
    retry_at: datetime | None = None
    failures: int = 0
    rotations: int = 0
    error: str = ""
    flight: asyncio.Event | None = field(default=None, repr=False)

    def usable(self, now: datetime) -> X509Svid | None:
        """Return the SVID unless it has expired or names somebody the entry no longer does."""
        if self.svid is None or self.svid.expired(now):
            return None
        return self.svid if self.svid.spiffe_id == self.entry.spiffe_id else None

    @property
    def ends(self) -> datetime | None:
        """The first moment at which the SVID has expired."""
        return None if self.svid is None else self.svid.not_after + _BEYOND

    def lacks(self, form: Form, now: datetime) -> bool:
        """Tell whether whoever asks now should wait for a new SVID: not if one has just failed."""
        if self.retry_at is not None and now < self.retry_at:
            return False
        return self.due(form, now)

    def due(self, form: Form, now: datetime) -> bool:
        """Tell whether there should be a new SVID."""
        if self.form != form or self.usable(now) is None:
            return True
        return self.renew_at is not None and self.renew_at <= now

    def next_look(self, form: Form, now: datetime) -> datetime:
        """Return when something is to be done about it: a renewal, a retry or its end."""
        if self.retry_at is not None:
            return min(self.retry_at, self.ends or self.retry_at)
        if self.due(form, now) or self.renew_at is None:
            return now
        return self.renew_at

    def renewed(self, svid: X509Svid, form: Form, renew_at: datetime) -> None:
        """Put ``svid`` in the place of the one before."""
        self.svid, self.form, self.renew_at = svid, form, renew_at
        self.retry_at, self.failures, self.error = None, 0, ""
        self.rotations += 1
