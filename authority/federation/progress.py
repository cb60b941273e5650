"""How the fetches of one relationship go, and what an operator sees of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from accredit.authority.federation.freshness import Held
from accredit.authority.federation.relationship import Relationship
from accredit.identity.moment import rfc3339


@dataclass(slots=True)
class Progress:
    """The last try, the last good one and the next; ``failures`` in a row since ``failing_since``.

    These but the next try are kept over restarts. ``fetches`` counts all tries since the start, and
    ``failed_fetches`` those of them that came to nothing.
    """

    tried: datetime | None = None
    next_try: datetime | None = None
    failures: int = 0
    error: str = ""
    succeeded: datetime | None = None
    failing_since: datetime | None = None
    fetches: int = field(default=0, compare=False)
    failed_fetches: int = field(default=0, compare=False)

    def success(self, now: datetime) -> None:
        """Note a good fetch."""
        self.tried = self.succeeded = now
        self.failures, self.error, self.failing_since = 0, "", None
        self.fetches += 1

    def failure(self, now: datetime, error: str) -> None:
        """Note a fetch that came to nothing."""
        self.tried = now
        self.failures, self.error = self.failures + 1, error
        self.failing_since = self.failing_since or now
        self.fetches, self.failed_fetches = self.fetches + 1, self.failed_fetches + 1


def describe(
    relationship: Relationship, held: Held | None, progress: Progress, interval: timedelta
) -> dict[str, object]:
    """Return a relationship as plain data; times in ISO 8601."""
    endpoint = relationship.endpoint_spiffe_id
    return {
        "trust_domain": str(relationship.trust_domain),
        "url": str(relationship.url),
        "profile": relationship.profile,
        "endpoint_spiffe_id": None if endpoint is None else str(endpoint),
        "bundle": None if held is None else _held(held),
        "interval": interval // timedelta(seconds=1),
        "tried": _time(progress.tried),
        "succeeded": _time(progress.succeeded),
        "failing_since": _time(progress.failing_since),
        "next_try": _time(progress.next_try),
        "fetches": progress.fetches,
        "failed_fetches": progress.failed_fetches,
        "failures": progress.failures,
        "error": progress.error,
    }


def _held(held: Held) -> dict[str, object]:
    hint = held.bundle.refresh_hint
    roots = held.bundle.x509_authorities
    return {
        "origin": held.origin,
        "since": _time(held.since),
        "sequence": held.bundle.sequence,
        "refresh_hint": None if hint is None else hint // timedelta(seconds=1),
        "x509_authorities": len(roots),
        "x509_until": _time(max((root.not_valid_after_utc for root in roots), default=None)),
        "jwt_authorities": len(held.bundle.jwt_authorities),
    }


def _time(when: datetime | None) -> str | None:
    return None if when is None else rfc3339(when)
