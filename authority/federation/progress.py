"""How the fetches of one relationship go, and what an operator sees of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from accredit.authority.federation.freshness import Held
from accredit.authority.federation.relationship import Relationship


@dataclass(slots=True)
class Progress:
    """The last try and the next one; ``failures`` in a row, and why the last of them failed."""

    tried: datetime | None = None
    next_try: datetime | None = None
    failures: int = 0
    error: str = ""

    def succeeded(self) -> None:
        """Note a good fetch."""
        self.failures, self.error = 0, ""

    def failed(self, error: str) -> None:
        """Note a fetch that came to nothing."""
        self.failures, self.error = self.failures + 1, error


def describe(
    relationship: Relationship, held: Held | None, progress: Progress
) -> dict[str, object]:
    """Return a relationship as plain data; times in ISO 8601."""
    endpoint = relationship.endpoint_spiffe_id
    return {
        "trust_domain": str(relationship.trust_domain),
        "url": str(relationship.url),
        "profile": relationship.profile,
        "endpoint_spiffe_id": None if endpoint is None else str(endpoint),
        "bundle": None if held is None else _held(held),
        "tried": _time(progress.tried),
        "next_try": _time(progress.next_try),
        "failures": progress.failures,
        "error": progress.error,
    }


def _held(held: Held) -> dict[str, object]:
    hint = held.bundle.refresh_hint
    return {
        "origin": held.origin,
        "since": _time(held.since),
        "sequence": held.bundle.sequence,
        "refresh_hint": None if hint is None else hint // timedelta(seconds=1),
        "x509_authorities": len(held.bundle.x509_authorities),
        "jwt_authorities": len(held.bundle.jwt_authorities),
    }


def _time(when: datetime | None) -> str | None:
    return None if when is None else when.isoformat(timespec="seconds")
