"""Two real Envoys under load while SVIDs rotate, the root rotates, and the agent is killed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support import needs, sidecar_pair
from support.agent_process import AgentProcess
from support.envoy_process import EnvoyProcess
from support.eventually import wait_until
from support.load import Load
from support.sidecar_pair import Pair

pytestmark = [pytest.mark.slow]

# Half of it is what an agent may be late on a busy machine before an SVID ends.
_TTL = timedelta(seconds=8)
_TTL_WHEN_KILLED = 3 * _TTL  # time for a restart and Envoy's back-off on a busy machine
_ROTATIONS = 20
_CONFIG = """
trust_domain: td.example
authority: {embedded: {publish_for: 2s, clock_skew: 1s}}
attestation: {unix: {discover_path: true}}
"""


@dataclass
class Watched:
    """One pair under load, and the serials that each of its Envoys has shown, in order."""

    pair: Pair
    load: Load
    serials: dict[EnvoyProcess, list[str]] = field(init=False)
    old_root_gone_at: datetime | None = None

    def __post_init__(self) -> None:
        self.serials = {envoy: [envoy.serial()] for envoy in self.envoys}
        self._old_root = self.pair.caller.roots()

    @property
    def envoys(self) -> tuple[EnvoyProcess, EnvoyProcess]:
        return self.pair.caller, self.pair.server

    @property
    def rotations(self) -> int:
        return min(map(len, self.serials.values())) - 1

    def look(self) -> None:
        for envoy, seen in self.serials.items():
            if (serial := envoy.serial()) not in {"", seen[-1]}:
                seen.append(serial)
        trusted = self.pair.caller.roots()
        if self.old_root_gone_at is None and trusted and not self._old_root & trusted:
            self.old_root_gone_at = datetime.now(UTC)

    def require_that_none_failed(self, agent: AgentProcess) -> None:
        told = [envoy.failures() for envoy in self.envoys]
        assert self.load.failures == [], (told, agent.log.read_text())


@contextmanager
def _agent(folder: Path, ttl: timedelta, *pairs: str) -> Iterator[AgentProcess]:
    """Run one that knows the Envoys of each pair, which has a folder of that name."""
    needs.envoy()
    each = [sidecar_pair.entries(folder / pair, f"{ttl.total_seconds():.0f}s") for pair in pairs]
    entries = "entries:\n" + "".join(text.removeprefix("entries:\n") for text in each)
    with AgentProcess(folder, _CONFIG + entries).running() as agent:
        yield agent


@contextmanager
def _watched(folder: Path, agent: AgentProcess, *, delta: bool = False) -> Iterator[Watched]:
    folder.mkdir()
    with (
        sidecar_pair.running(folder, agent.socket, lifetime=_TTL / 16, delta=delta) as pair,
        Load(pair.port).running() as load,
    ):
        yield Watched(pair, load)


def _roots(agent: AgentProcess) -> list[str]:
    text = agent.command("bundle", "show", "-c", agent.config, "--format", "spiffe")
    keys = json.loads(text)["keys"]
    return [key["x5c"][0] for key in keys if key["use"] == "x509-svid"]


def test_no_request_fails_through_twenty_rotations_and_a_root_rotation(folder: Path) -> None:
    """By state of the world and by delta, side by side: they wait for the same clock."""
    with _agent(folder, _TTL, "sotw", "delta") as agent, ExitStack() as stack:
        ways = [
            stack.enter_context(_watched(folder / name, agent, delta=name == "delta"))
            for name in ("sotw", "delta")
        ]
        before, needed_until, deadline = _roots(agent), None, time.monotonic() + 220
        while min(way.rotations for way in ways) < _ROTATIONS:
            assert time.monotonic() < deadline, [(way.serials, way.load.failures) for way in ways]
            for way in ways:
                way.look()
            if min(way.rotations for way in ways) > 4 and needed_until is None:
                needed_until = max(envoy.expires() for way in ways for envoy in way.envoys)
                agent.command("ca", "rotate", "-c", agent.config)
            time.sleep(0.1)
        wait_until(lambda: len(_roots(agent)) == 1, 60, "the old root is retired")
        assert before != _roots(agent)
        for way in ways:
            rejected = way.pair.caller.stats("update_rejected")
            assert rejected
            assert set(rejected.values()) == {0}
            assert sum(way.pair.server.stats("ssl.handshake").values()) > _ROTATIONS
    for way in ways:
        way.require_that_none_failed(agent)
        assert way.load.kept.ok > 500
        assert way.load.fresh.ok > 500
        # A root is trusted until the last SVID it signed has ended, whatever was signed anew since.
        assert needed_until is not None
        assert way.old_root_gone_at is not None
        assert way.old_root_gone_at >= needed_until


def test_no_request_fails_when_the_agent_is_killed_and_comes_back(folder: Path) -> None:
    with (
        _agent(folder, _TTL_WHEN_KILLED, "pair") as agent,
        _watched(folder / "pair", agent) as way,
    ):
        roots = _roots(agent)
        for _ in range(3):
            time.sleep(2)
            agent.kill()
            # Nobody renews anything now, so that whatever is new is from the agent to come.
            before = {envoy: envoy.serial() for envoy in way.envoys}
            agent.start()
            for envoy, serial in before.items():
                wait_until(
                    lambda e=envoy, s=serial: e.serial() not in {"", s},  # type: ignore[misc]
                    60,
                    "the next rotation",
                )
        assert _roots(agent) == roots
    way.require_that_none_failed(agent)
    assert way.load.kept.ok > 100
    assert way.load.fresh.ok > 100
