"""One Envoy with several streams, in any order of events, against the real state machines."""

from __future__ import annotations

from collections import deque
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from support.sds_playbook import NEVER, PARKED, State, peer

from accredit.sds_server.delta_subscription import DeltaSubscription
from accredit.sds_server.peer import Peer
from accredit.sds_server.requests import DeltaRequest, Request
from accredit.sds_server.settings import Withdrawn
from accredit.sds_server.stream_state import Response, StreamState
from accredit.sds_server.subscription import Subscription

NAMES = ("a", "b", "C", "x")
CONTENT = st.sampled_from(["1", "2", "3", "4", "bad5", "bad6", PARKED])
STATES = st.fixed_dictionaries({"a": CONTENT, "b": CONTENT, "C": CONTENT, "x": st.just(NEVER)})
SUBSETS = st.sets(st.sampled_from(NAMES), min_size=1)


class SotwClient:
    """One StreamSecrets stream as an Envoy would lead it, over and over."""

    def __init__(self, server: Peer, names: set[str], has: dict[str, str]) -> None:
        self.machine: Any = Subscription(StreamState(server, 10))
        self.names = tuple(sorted(names))
        self.nonce = self.version = ""
        version = "old" if any(name in has for name in names) else ""
        self.machine.receive(Request(self.names, version))

    def answer(self, message: Response, error: str | None) -> None:
        self.nonce = message.nonce
        if error is None:
            self.version = message.version
        self.machine.receive(Request(self.names, self.version, self.nonce, error))

    def rename(self, names: set[str]) -> None:
        self.names = tuple(sorted(names))
        self.machine.receive(Request(self.names, self.version, self.nonce))


class DeltaClient:
    """One DeltaSecrets stream."""

    def __init__(self, server: Peer, names: set[str], has: dict[str, str]) -> None:
        self.machine: Any = DeltaSubscription(StreamState(server, 10))
        self.names = tuple(sorted(names))
        versions = {name: has[name] for name in self.names if name in has}
        self.machine.receive(DeltaRequest(self.names, versions=versions))

    def answer(self, message: Response, error: str | None) -> None:
        self.machine.receive(DeltaRequest(nonce=message.nonce, error=error))

    def rename(self, names: set[str]) -> None:
        wanted = tuple(sorted(names))
        come = tuple(name for name in wanted if name not in self.names)
        gone = tuple(name for name in self.names if name not in wanted)
        self.names = wanted
        self.machine.receive(DeltaRequest(come, gone))


class Streams(RuleBasedStateMachine):
    """Envoy refuses what is bad; it may be slow to answer, rename, hang up and come back."""

    @initialize(kind=st.sampled_from([SotwClient, DeltaClient]), cut=st.booleans(), state=STATES)
    def begin(self, kind: Any, cut: bool, state: dict[str, Any]) -> None:
        self.server = peer(Withdrawn.CUT if cut else Withdrawn.KEEP)
        self.server.wakers.add(self.wake)
        self.kind, self.state, self.woken = kind, state, False
        self.clients: list[Any] = []
        self.unanswered: dict[Any, deque[Response]] = {}
        self.sent: dict[tuple[Any, str], str] = {}
        self.refused: set[tuple[str, str]] = set()
        self.has: dict[str, str] = {}
        self.answers = 0

    @precondition(lambda self: len(self.clients) < 3)
    @rule(names=SUBSETS)
    def connect(self, names: set[str]) -> None:
        client = self.kind(self.server, names, self.has)
        self.clients.append(client)
        self.unanswered[client] = deque()
        self.look(client)

    @rule(state=STATES)
    def change(self, state: dict[str, Any]) -> None:
        self.state = state

    @precondition(lambda self: self.clients)
    @rule(data=st.data())
    def look_at(self, data: st.DataObject) -> None:
        self.look(data.draw(st.sampled_from(self.clients)))

    @precondition(lambda self: any(self.unanswered.values()))
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        waiting = [client for client, messages in self.unanswered.items() if messages]
        self._answer(data.draw(st.sampled_from(waiting)))

    @precondition(lambda self: self.clients)
    @rule(data=st.data(), names=SUBSETS)
    def rename(self, data: st.DataObject, names: set[str]) -> None:
        client = data.draw(st.sampled_from(self.clients))
        # An Envoy says new names with the nonce of the latest message it has seen.
        while self.unanswered[client]:
            self._answer(client)
        client.rename(names)
        for name in set(NAMES) - names:
            self.sent.pop((client, name), None)
        self.look(client)

    @precondition(lambda self: self.clients)
    @rule(data=st.data())
    def hang_up(self, data: st.DataObject) -> None:
        client = data.draw(st.sampled_from(self.clients))
        self.clients.remove(client)
        del self.unanswered[client]
        client.machine.state.close()

    @precondition(lambda self: self.clients)
    @rule()
    def settle(self) -> None:
        """Answer everything; then each stream has the newest of all that was not refused."""
        for _ in range(50):
            self.woken = False
            for client in self.clients:
                self.look(client)
            if not (self.woken or any(self.unanswered.values())):
                break
            for client in self.clients:
                while self.unanswered[client]:
                    self._answer(client)
        else:
            raise AssertionError("it never comes to rest")
        for client in self.clients:
            self._has_the_newest(client)

    @invariant()
    def lines_are_those_of_open_streams(self) -> None:
        if not hasattr(self, "server"):
            return
        asked = {name for client in self.clients for name in client.names}
        lines: Any = self.server.describe()["secrets"]
        assert {line["name"] for line in lines} == asked

    def wake(self) -> None:
        self.woken = True

    def look(self, client: Any) -> None:
        message = client.machine.respond(State(**self.state))
        if message is None:
            return
        assert message.secrets or message.removed
        assert len({each.name for each in message.secrets}) == len(message.secrets)
        for secret in message.secrets:
            assert secret.name in client.names
            assert (secret.name, secret.version) not in self.refused
            assert self.sent.get((client, secret.name)) != secret.version
            self.sent[client, secret.name] = secret.version
        assert set(message.removed) <= {"x"}
        self.unanswered[client].append(message)

    def _answer(self, client: Any) -> None:
        self.answers += 1
        assert self.answers < 1000, "it never comes to rest"
        message = self.unanswered[client].popleft()
        bad = [each for each in message.secrets if each.version.startswith("bad")]
        client.answer(message, "bad" if bad else None)
        if bad:
            self.refused |= {(each.name, each.version) for each in message.secrets}
        else:
            self.has |= {each.name: each.version for each in message.secrets}
        # What follows is a new message with news in it, never an echo: look asserts that.
        self.look(client)

    def _has_the_newest(self, client: Any) -> None:
        for name in client.names:
            newest, last = self.state[name], self.sent.get((client, name))
            if not isinstance(newest, str) or (name, newest) in self.refused:
                continue
            kept = self.kind is DeltaClient and self.has.get(name) == newest
            closed = name == "C" and any(
                each == PARKED and name.islower() for name, each in self.state.items()
            )
            assert last == newest or kept or closed


Streams.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestStreams = Streams.TestCase
