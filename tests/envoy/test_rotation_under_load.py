"""Two real Envoys under load while SVIDs rotate, the root rotates, and the agent is killed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support import needs, sidecar_pair
from support.agent_process import AgentProcess
from support.envoy_process import wait_until
from support.load import Load

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


@pytest.fixture
def agent(folder: Path, request: pytest.FixtureRequest) -> Iterator[AgentProcess]:
    needs.envoy()
    ttl = f"{getattr(request, 'param', _TTL).total_seconds():.0f}s"
    agent = AgentProcess(folder, _CONFIG + sidecar_pair.entries(folder, ttl))
    with agent.running():
        yield agent


def _roots(agent: AgentProcess) -> list[str]:
    text = agent.command("bundle", "show", "-c", agent.config, "--format", "spiffe")
    keys = json.loads(text)["keys"]
    return [key["x5c"][0] for key in keys if key["use"] == "x509-svid"]


@pytest.mark.parametrize("api_type", ["GRPC", "DELTA_GRPC"])
def test_no_request_fails_through_twenty_rotations_and_a_root_rotation(
    folder: Path, agent: AgentProcess, api_type: str
) -> None:
    with (
        sidecar_pair.running(
            folder, agent.socket, lifetime=_TTL / 16, delta=api_type != "GRPC"
        ) as pair,
        Load(pair.port).running() as load,
    ):
        before = _roots(agent)
        serials = {pair.caller: [pair.caller.serial()], pair.server: [pair.server.serial()]}
        old_root, needed_until, gone_at = pair.caller.roots(), None, None
        deadline = time.monotonic() + 220
        while min(len(seen) for seen in serials.values()) <= _ROTATIONS:
            assert time.monotonic() < deadline, (serials, load.failures[:3])
            for envoy, seen in serials.items():
                if (serial := envoy.serial()) != seen[-1]:
                    seen.append(serial)
            if len(serials[pair.caller]) > 5 and needed_until is None:
                needed_until = max(envoy.expires() for envoy in serials)
                agent.command("ca", "rotate", "-c", agent.config)
            trusted = pair.caller.roots()
            if gone_at is None and trusted and not old_root & trusted:
                gone_at = datetime.now(UTC)
            time.sleep(0.1)
        wait_until(lambda: len(_roots(agent)) == 1, 30, "the old root is retired")
        after = _roots(agent)
        handshakes = pair.server.stats("ssl.handshake")
        rejected = pair.caller.stats("update_rejected")
    assert load.failures == [], (
        pair.caller.failures(),
        pair.server.failures(),
        agent.log.read_text(),
    )
    assert load.kept.ok > 500
    assert load.fresh.ok > 500
    assert before != after
    # A root is trusted until the last SVID it signed has ended, whatever was signed anew since.
    assert needed_until is not None
    assert gone_at is not None
    assert gone_at >= needed_until
    assert sum(handshakes.values()) > _ROTATIONS
    assert rejected
    assert set(rejected.values()) == {0}


@pytest.mark.parametrize("agent", [_TTL_WHEN_KILLED], indirect=True, ids=["agent"])
def test_no_request_fails_when_the_agent_is_killed_and_comes_back(
    folder: Path, agent: AgentProcess
) -> None:
    with (
        sidecar_pair.running(folder, agent.socket, lifetime=_TTL / 16) as pair,
        Load(pair.port).running() as load,
    ):
        roots = _roots(agent)
        for _ in range(3):
            time.sleep(2)
            agent.kill()
            agent.start()
            before = {envoy: envoy.serial() for envoy in (pair.caller, pair.server)}
            for envoy, serial in before.items():
                wait_until(lambda e=envoy, s=serial: e.serial() != s, 10, "the next rotation")  # type: ignore[misc]
        assert _roots(agent) == roots
    assert load.failures == [], (
        pair.caller.failures(),
        pair.server.failures(),
        agent.log.read_text(),
    )
    assert load.kept.ok > 100
    assert load.fresh.ok > 100
