"""Scripts for SDS streams: this event arrives, that message must follow."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from accredit.sds_server.catalog import Answer
from accredit.sds_server.names import Never, Parked
from accredit.sds_server.peer import Peer
from accredit.sds_server.record import Totals
from accredit.sds_server.requests import DeltaRequest, Request
from accredit.sds_server.secrets import Secret
from accredit.sds_server.settings import Withdrawn
from accredit.sds_server.stream_state import Response, StreamState
from support.clock import EPOCH, FakeClock
from support.fake_workload import FakeWorkload

PARKED = Parked("not granted", certificate=True)
NEVER = Never("not of this server")
MAX_AUDIENCES = 3
Machine = Callable[[StreamState], Any]


def secret(name: str, version: str) -> Secret:
    """Return a certificate, or for an upper-case name a validation context."""
    facts: dict[str, Any] = {"trust_domains": ("td.example",)}
    if name.islower():
        facts = {"spiffe_id": name, "serial": "5e", "not_after": EPOCH + timedelta(hours=1)}
    return Secret(name, version, b"", b"", **facts)


class State:
    """A catalog: name to version, or to the reason for there being none; others are parked."""

    def __init__(self, **answers: str | Parked | Never) -> None:
        self._answers: dict[str, Answer] = {
            name: secret(name, answer) if isinstance(answer, str) else answer
            for name, answer in answers.items()
        }

    def look_up(self, name: str) -> Answer:
        return self._answers.get(name, PARKED)

    def everything(self) -> tuple[str, ...]:
        return tuple(n for n, answer in self._answers.items() if isinstance(answer, Secret))


def peer(withdrawn: Withdrawn = Withdrawn.KEEP, clock: FakeClock | None = None) -> Peer:
    return Peer(FakeWorkload(), clock or FakeClock(), Totals(), withdrawn, MAX_AUDIENCES)


Event = Request | DeltaRequest | State


class Player:
    """One stream and the state it is in."""

    def __init__(self, machine: Machine, of: Peer | None = None) -> None:
        self.peer = of or peer()
        self.machine = machine(StreamState(self.peer, max_names=8))
        self.state = State()

    def play(self, event: Event | None = None) -> str:
        """Take an event, or look again; return the message that follows, ``""`` for none."""
        if isinstance(event, State):
            self.state = event
        elif event is not None:
            self.machine.receive(event)
        message = self.machine.respond(self.state)
        return shown(message) if message else ""


def shown(message: Response) -> str:
    """Write a message as ``nonce: name=version ... -removed``."""
    parts = [f"{each.name}={each.version}" for each in message.secrets]
    return " ".join([f"{message.nonce}:", *parts, *(f"-{name}" for name in message.removed)])


def play(machine: Machine, *script: tuple[Event, str]) -> Player:
    """Play a script; each event must be followed by exactly its message."""
    player = Player(machine)
    for number, (event, expected) in enumerate(script, 1):
        assert player.play(event) == expected, f"line {number}"
    return player
