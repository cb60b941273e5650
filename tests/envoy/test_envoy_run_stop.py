"""``accredit envoy run`` told to end while requests flow."""

from __future__ import annotations

import http.client
import itertools
import signal
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support import needs, run_pair, sidecar_pair, slow_app
from support.agent_process import AgentProcess
from support.eventually import wait_until

pytestmark = [pytest.mark.slow]

_CONFIG = """
trust_domain: td.example
attestation: {unix: {discover_path: true}}
"""
_PAUSE = 0.01


@dataclass
class Client:
    """Sends numbered requests until nobody listens any more.

    ``unanswered`` were sent over a connection that had served, and had no answer; ``unheard`` over
    a new one.
    """

    port: int
    name: str
    kept: bool
    answered: set[str] = field(default_factory=set)
    unanswered: list[str] = field(default_factory=list)
    unheard: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def run(self) -> None:
        connection = self._new()
        for number in itertools.count():
            time.sleep(_PAUSE)
            path = f"/{self.name}/{number}"
            new = connection.sock is None
            try:
                if new:
                    connection.connect()
            except ConnectionRefusedError:
                return
            try:
                self._one(connection, path)
            except (OSError, http.client.HTTPException):
                (self.unheard if new else self.unanswered).append(path)
                connection.close()
        connection.close()

    def _new(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def _one(self, connection: http.client.HTTPConnection, path: str) -> None:
        connection.request("GET", path, headers={} if self.kept else {"connection": "close"})
        answer = connection.getresponse()
        answer.read()
        if answer.status == http.HTTPStatus.OK:
            self.answered.add(path)
        else:
            self.wrong.append(f"{path}: {answer.status}")
        if answer.will_close:
            connection.close()


def test_stopping_under_load_loses_nothing_that_was_accepted(folder: Path) -> None:
    needs.envoy()
    agent = AgentProcess(folder, _CONFIG + sidecar_pair.entries(folder, "1h"))
    with (
        agent.running(),
        slow_app.running() as app,
        run_pair.running(folder, agent.socket, app.port) as pair,
    ):
        clients = [
            Client(pair.port, "kept", kept=True),
            Client(pair.port, "fresh", kept=False),
            Client(pair.port, "slow", kept=True),
        ]
        threads = [threading.Thread(target=client.run) for client in clients]
        for thread in threads:
            thread.start()
        wait_until(lambda: all(client.answered for client in clients), 60, "all have answers")
        pair.caller.send(signal.SIGTERM)
        for thread in threads:
            thread.join()
        assert pair.caller.wait() == 0
        assert [client.wrong for client in clients] == [[], [], []]
        # What was told by its last answer not to come again on this connection did not.
        assert [client.unanswered for client in clients] == [[], [], []]
        # In the moment in which the port closes, the kernel may have greeted somebody whom Envoy
        # never saw: the app has not, either.
        assert not {path for client in clients for path in client.unheard} & set(app.seen)
        assert set().union(*(client.answered for client in clients)) == set(app.seen)
