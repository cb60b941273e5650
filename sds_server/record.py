"""The lines of the delivery ledger, and the totals under it. Nothing here is secret."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum

from accredit.identity.moment import rfc3339
from accredit.sds_server.log_budget import LogBudget
from accredit.sds_server.secrets import Secret

_RECENT_REFUSALS = 100


class State(StrEnum):
    """Where one name of one Envoy stands."""

    ASKED = "asked"
    PARKED = "parked"
    NEVER = "never"
    SENT = "sent"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


@dataclass(slots=True)
class Line:
    """One name of one connection: what was sent under it and what Envoy said.

    ``reason`` says why nothing, or nothing newer, is sent.
    """

    name: str
    asked_at: datetime
    state: State = State.ASKED
    reason: str = ""
    kind: str = ""
    version: str = ""
    spiffe_id: str = ""
    serial: str = ""
    not_after: datetime | None = None
    trust_domains: tuple[str, ...] = ()
    sent_at: datetime | None = None
    accepted_at: datetime | None = None
    refused_at: datetime | None = None
    refusal: str = ""
    pushes: int = 0
    acks: int = 0
    nacks: int = 0
    streams: int = 0

    def sent(self, secret: Secret, now: datetime) -> None:
        """Note that ``secret`` goes out."""
        self.state, self.reason, self.sent_at = State.SENT, "", now
        self._describe(secret)
        self.pushes += 1

    def accepted(self, version: str, now: datetime) -> None:
        """Note an ACK; one for an older version changes no state."""
        self.acks += 1
        if version == self.version:
            self.state, self.accepted_at = State.ACCEPTED, now

    def refused(self, version: str, text: str, now: datetime) -> None:
        """Note a NACK and its sanitised text."""
        self.nacks += 1
        self.refused_at, self.refusal = now, text
        if version == self.version:
            self.state = State.REFUSED

    def stopped(self, state: State, reason: str) -> bool:
        """Note why there is nothing to send; whether that is news."""
        if (self.state, self.reason) == (state, reason):
            return False
        self.state, self.reason = state, reason
        return True

    def resumed(self, secret: Secret) -> None:
        """Note that Envoy already has ``secret``, from before or all along."""
        self._describe(secret)
        self.state, self.reason = State.ACCEPTED, ""

    def describe(self) -> dict[str, object]:
        """Return the line as plain data."""
        return plain(asdict(self))

    def _describe(self, secret: Secret) -> None:
        self.kind, self.version, self.serial = secret.kind, secret.version, secret.serial
        self.spiffe_id, self.not_after = secret.spiffe_id, secret.not_after
        self.trust_domains = secret.trust_domains


@dataclass(frozen=True, slots=True)
class Refusal:
    """One NACK; it outlives the connection it came over."""

    at: datetime
    pid: int
    node: str
    name: str
    version: str
    serial: str
    text: str


@dataclass(slots=True)
class Counters:
    """Totals since the start."""

    pushes: int = 0
    acks: int = 0
    nacks: int = 0
    parked: int = 0
    never: int = 0
    failed_checks: int = 0


@dataclass(slots=True)
class Totals:
    """What is kept over all connections: counters, the latest refusals, log lines by uid."""

    counters: Counters = field(default_factory=Counters)
    refusals: deque[Refusal] = field(default_factory=lambda: deque(maxlen=_RECENT_REFUSALS))
    _log_budgets: dict[int, LogBudget] = field(default_factory=dict)

    def log_budget(self, uid: int) -> LogBudget:
        """Return how many log lines a user may still cause."""
        return self._log_budgets.setdefault(uid, LogBudget())

    def describe(self) -> dict[str, object]:
        """Return the totals as plain data."""
        return {
            "counters": asdict(self.counters),
            "recent_refusals": [plain(asdict(refusal)) for refusal in self.refusals],
        }


def plain(values: Mapping[str, object]) -> dict[str, object]:
    """Return ``values`` with times as RFC 3339 text and tuples as lists, for JSON."""
    return {key: _plain(value) for key, value in values.items()}


def _plain(value: object) -> object:
    match value:
        case datetime():
            return rfc3339(value)
        case tuple():
            return list(value)
        case _:
            return value
