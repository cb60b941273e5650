"""Two real Envoys under load, their SVIDs signed by a CA key in a TPM that goes away meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from support import needs, sidecar_pair, swtpm
from support.agent_process import AgentProcess
from support.envoy_process import EnvoyProcess
from support.eventually import wait_until
from support.load import Load
from support.swtpm import SoftwareTpm

pytestmark = [pytest.mark.slow]

# Half of it is what the TPM may be away, and then the agent late on a busy machine.
_TTL = timedelta(seconds=10)
_PATIENCE = 60
_CONFIG = """
trust_domain: td.example
tpm: {{device: "{device}"}}
authority: {{embedded: {{keys: tpm, publish_for: 2s, clock_skew: 1s}}}}
attestation: {{unix: {{discover_path: true}}}}
"""


@pytest.fixture
def tpm() -> Iterator[SoftwareTpm]:
    with swtpm.running() as tpm:
        yield tpm


@pytest.fixture
def agent(folder: Path, tpm: SoftwareTpm) -> Iterator[AgentProcess]:
    needs.envoy()
    ttl = f"{_TTL.total_seconds():.0f}s"
    config = _CONFIG.format(device=tpm.device) + sidecar_pair.entries(folder, ttl)
    agent = AgentProcess(folder, config)
    with agent.running():
        yield agent


def _renewed(*envoys: EnvoyProcess) -> None:
    """Wait until each has another certificate."""
    for envoy, serial in [(envoy, envoy.serial()) for envoy in envoys]:
        wait_until(
            lambda e=envoy, s=serial: e.serial() not in {"", s},  # type: ignore[misc]
            _PATIENCE,
            "the next rotation",
        )


def _failures_of_renewals(agent: AgentProcess) -> int:
    status = json.loads(agent.command("status", "-c", agent.config, "--output", "json"))
    return int(status["rotation"]["failures"])


def test_no_request_fails_while_a_tpm_signs_goes_away_returns_and_holds_the_next_root(
    folder: Path, agent: AgentProcess, tpm: SoftwareTpm
) -> None:
    with (
        sidecar_pair.running(folder, agent.socket, lifetime=_TTL / 16) as pair,
        Load(pair.port).running() as load,
    ):
        both = (pair.caller, pair.server)
        _renewed(*both)
        tpm.kill()
        wait_until(lambda: _failures_of_renewals(agent) > 0, _PATIENCE, "a renewal that fails")
        tpm.start()
        _renewed(*both)
        first = pair.caller.roots()
        agent.command("ca", "rotate", "-c", agent.config)
        wait_until(lambda: not first & pair.caller.roots(), _PATIENCE, "the first root is retired")
        _renewed(*both)
        tpm.restart()
        _renewed(*both)
    assert load.failures == [], (
        pair.caller.failures(),
        pair.server.failures(),
        agent.log.read_text(),
    )
    assert load.kept.ok > 200
    assert load.fresh.ok > 200
    keys = {path.suffix for path in (folder / "data/authority/keys").iterdir()}
    assert keys == {".tpm"}
    assert "does not answer" in agent.log.read_text()
