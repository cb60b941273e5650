"""Sidecars that ``accredit envoy run`` restarts while SVIDs rotate and requests flow."""

from __future__ import annotations

import http.client
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
from support import needs, run_pair, sidecar_pair, slow_app
from support.agent_process import AgentProcess
from support.eventually import wait_until
from support.load import Load

pytestmark = [pytest.mark.slow]

_TTL = timedelta(seconds=8)
_ROTATIONS = 20
_RESTARTS = 3
_CONFIG = """
trust_domain: td.example
authority: {embedded: {publish_for: 2s, clock_skew: 1s}}
attestation: {unix: {discover_path: true}}
"""


def test_no_request_fails_through_hot_restarts_and_twenty_rotations(folder: Path) -> None:
    needs.envoy()
    agent = AgentProcess(folder, _CONFIG + sidecar_pair.entries(folder, f"{_TTL.seconds}s"))
    with (
        agent.running(),
        slow_app.running() as app,
        run_pair.running(folder, agent.socket, app.port, lifetime="1s") as pair,
        Load(pair.port).running() as load,
    ):
        sidecars = {"caller": pair.caller, "server": pair.server}
        serials: dict[str, set[str]] = {name: set() for name in sidecars}
        restarts, deadline = dict.fromkeys(sidecars, 0), time.monotonic() + 300
        while not _done(serials, restarts):
            assert time.monotonic() < deadline, (serials, restarts, load.failures[:3])
            for name, sidecar in sidecars.items():
                if serial := sidecar.serial():
                    serials[name].add(serial)
                served = sidecar.times_ready()
                # The next one as soon as the one before serves and its parent has gone.
                if served == restarts[name] + 1 and len(sidecar.envoys()) == 1:
                    restarts[name] += 1
                    pair.change(name, restarts[name])
                assert len(sidecar.envoys()) <= 2
            time.sleep(0.1)
        for name, sidecar in sidecars.items():
            sidecar.wait_until_serving(restarts[name] + 1)
            assert sidecar.epoch() == restarts[name]
    logs = "\n".join(sidecar.log_text()[-4000:] for sidecar in sidecars.values())
    assert load.failures == [], logs
    assert load.kept.ok > 500
    assert load.fresh.ok > 500


def _done(serials: dict[str, set[str]], restarts: dict[str, int]) -> bool:
    rotated = all(len(seen) > _ROTATIONS for seen in serials.values())
    return rotated and all(count >= _RESTARTS for count in restarts.values())


def test_a_request_under_way_survives_a_hot_restart_of_both_sides(folder: Path) -> None:
    needs.envoy()
    agent = AgentProcess(folder, _CONFIG + sidecar_pair.entries(folder, "1h"))
    with (
        agent.running(),
        slow_app.running() as app,
        run_pair.running(folder, agent.socket, app.port) as pair,
    ):
        answers: list[int] = []
        asking = threading.Thread(target=lambda: answers.append(_status(pair.port, "/slow")))
        before = pair.caller.envoys() + pair.server.envoys()
        pair.change("caller", 1)
        pair.change("server", 1)
        wait_until(lambda: len(pair.caller.started()) == 2, 60, "a follower of the caller's")
        asking.start()
        wait_until(lambda: app.seen == ["/slow"], 60, "the request has reached the app")
        pair.caller.wait_until_serving(2)
        pair.server.wait_until_serving(2)
        asking.join()
        assert answers == [200], pair.caller.log_text() + pair.server.log_text()
        wait_until(lambda: not _alive(before), 60, "the old ones have gone")


def _alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def _status(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()
