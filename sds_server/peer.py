"""One connected Envoy: what all its streams together asked for, were sent and answered."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from accredit.attestation.workload import Workload
from accredit.identity.clock import Clock
from accredit.identity.errors import RequestError
from accredit.sds_server.catalog import Catalog
from accredit.sds_server.names import Never, Parked, is_token
from accredit.sds_server.node import Node
from accredit.sds_server.record import Line, Refusal, State, Totals, plain
from accredit.sds_server.secrets import Kind, Secret, nobody
from accredit.sds_server.settings import Withdrawn
from accredit.sds_server.verdicts import Verdicts

_logger = logging.getLogger(__name__)

_UNSURE = frozenset({State.ASKED, State.PARKED, State.WITHDRAWN})


@dataclass(slots=True, eq=False)
class Holding:
    """What Envoy has from one stream, by name: the version last sent, "" where we cannot tell."""

    versions: dict[str, str] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self.versions


class Peer:
    """One connection's memory, shared by its streams; Envoy opens one stream per secret.

    ``wakers`` are called when what another stream learned may change what a stream should send.
    """

    def __init__(
        self,
        workload: Workload,
        clock: Clock,
        totals: Totals,
        withdrawn: Withdrawn,
        max_audiences: int,
    ) -> None:
        self.node = Node()
        self.streams = 0
        self.wakers: set[Callable[[], None]] = set()
        self._workload = workload
        self._clock = clock
        self._totals = totals
        self._cut = withdrawn is Withdrawn.CUT
        self._max_audiences = max_audiences
        self._audiences = 0
        self._since = clock.now()
        self._lines: dict[str, Line] = {}
        self._lost: set[tuple[Holding, str]] = set()
        self._verdicts = Verdicts()

    def ask(self, name: str) -> None:
        """Note that one more stream asks for ``name``.

        Raises:
            RequestError: that would be too many audiences for one connection.
        """
        line = self._lines.get(name)
        if line is None:
            self._require_room(name)
            line = self._lines[name] = Line(name, self._clock.now())
        line.streams += 1

    def _require_room(self, name: str) -> None:
        if is_token(name):
            if self._audiences >= self._max_audiences:
                raise RequestError(f"more than {self._max_audiences} audiences on one connection")
            self._audiences += 1

    def leave(self, name: str, holding: Holding) -> None:
        """Note that a stream no longer asks for ``name``."""
        self._mark_lost(name, holding, lost=False)
        line = self._lines[name]
        line.streams -= 1
        if not line.streams:
            del self._lines[name]
            self._audiences -= is_token(name)
            self._verdicts.forget(name)

    def offer(self, name: str, catalog: Catalog, holding: Holding) -> Secret | None:
        """Return what Envoy should have under ``name``; None for "say nothing"."""
        answer = catalog.look_up(name)
        line, holds = self._lines[name], name in holding
        self._mark_lost(name, holding, lost=holds and _is_lost(answer))
        if isinstance(answer, Never):
            self._never(line, answer)
            return None
        if isinstance(answer, Parked) and not (holds and answer.revoked):
            self._parked(line, answer, holds=holds)
            return None
        if isinstance(answer, Parked):
            newest, line.reason = nobody(name), answer.reason
        elif self._cut and self._lost and answer.kind is Kind.CONTEXT:
            newest, line.reason = nobody(name), "a certificate of this envoy was withdrawn"
        else:
            newest = answer
        return self._choose(line, newest, holding.versions.get(name))

    def _choose(self, line: Line, newest: Secret, current: str | None) -> Secret | None:
        if newest.version == current and line.state in _UNSURE:
            line.resumed(newest)
            self._verdicts.accepted(newest)
        return self._verdicts.choose(newest, current, lambda old: self._may_stay(old, newest))

    def sent(self, secret: Secret) -> None:
        """Note that ``secret`` goes out."""
        self._verdicts.sent(secret)
        self._lines[secret.name].sent(secret, self._clock.now())
        self._totals.counters.pushes += 1

    def accepted(self, secret: Secret) -> None:
        """Note that Envoy acknowledged ``secret``."""
        self._totals.counters.acks += 1
        if line := self._lines.get(secret.name):
            self._verdicts.accepted(secret)
            line.accepted(secret.version, self._clock.now())

    def refused(self, secret: Secret, text: str) -> None:
        """Note that Envoy refused ``secret``, with its sanitised words."""
        self._totals.counters.nacks += 1
        self._totals.refusals.append(self._refusal(secret, text))
        facts = {"version": secret.version, "serial": secret.serial, "error": text}
        self._log(logging.ERROR, "envoy refused a secret", secret.name, **facts)
        if line := self._lines.get(secret.name):
            line.refused(secret.version, text, self._clock.now())
        if self._verdicts.refused(secret):
            self._wake()

    def require_same(self) -> None:
        """Raise AttestationError unless the caller is still the process that connected."""
        self._workload.caller.require_same()

    def describe(self) -> dict[str, object]:
        """Return the connection and its lines as plain data."""
        caller = self._workload.caller
        return {
            "pid": caller.pid,
            "uid": caller.uid,
            "node": self.node.node_id,
            "cluster": self.node.cluster,
            "agent": self.node.agent,
            "streams": self.streams,
            **plain({"since": self._since}),
            "secrets": [line.describe() for line in self._lines.values()],
        }

    def _mark_lost(self, name: str, holding: Holding, *, lost: bool) -> None:
        # By stream, because two that disagree about a name would wake each other for ever.
        key = (holding, name)
        if lost and key not in self._lost:
            self._lost.add(key)
            self._wake()
        elif not lost and key in self._lost:
            self._lost.remove(key)
            self._wake()

    def _never(self, line: Line, answer: Never) -> None:
        if line.stopped(State.NEVER, answer.reason):
            self._totals.counters.never += 1
            self._log(
                logging.WARNING, "name can never be valid here", line.name, reason=answer.reason
            )

    def _parked(self, line: Line, answer: Parked, *, holds: bool) -> None:
        state = State.WITHDRAWN if holds and not answer.granted else State.PARKED
        if line.stopped(state, answer.reason):
            self._totals.counters.parked += 1
            self._totals.counters.failed_checks += answer.failed
            facts = {"state": state.value, "reason": answer.reason}
            self._log(logging.INFO, "nothing to send under a name", line.name, **facts)

    def _may_stay(self, old: Secret, newest: Secret) -> bool:
        """Tell whether ``old`` may still be sent: the same identity, no more trust, not over."""
        return (
            old.spiffe_id == newest.spiffe_id
            and set(old.trust_domains) <= set(newest.trust_domains)
            and not old.expired(self._clock.now())
        )

    def _refusal(self, secret: Secret, text: str) -> Refusal:
        return Refusal(
            self._clock.now(),
            self._workload.caller.pid,
            self.node.node_id,
            secret.name,
            secret.version,
            secret.serial,
            text,
        )

    def _wake(self) -> None:
        for waker in self.wakers:
            waker()

    def _log(self, level: int, message: str, name: str, **facts: str) -> None:
        caller = self._workload.caller
        budget = self._totals.log_budget(caller.uid)
        if (unsaid := budget.take(self._clock.monotonic())) is not None:
            extra = {"pid": caller.pid, "uid": caller.uid, "resource": name[:200], **facts}
            _logger.log(level, message, extra={**extra, **unsaid})


def _is_lost(answer: Secret | Parked | Never) -> bool:
    return isinstance(answer, Parked) and answer.certificate and not answer.granted
