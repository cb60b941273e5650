"""Real Envoys, made for SPIRE by ``accredit envoy``, at the socket of a real SPIRE Agent."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support import needs, spire, spire_pair
from support.ca import TestCa
from support.envoy_admin import EnvoyAdmin
from support.envoy_process import EnvoyProcess
from support.eventually import wait_until
from support.load import Load
from support.sidecar import app, caller, legacy_app
from support.sidecar_pair import CALLER, free_port
from support.sidecar_run import SidecarRun
from support.spire import SpireAgent
from support.spire_callers import THIS_PROGRAM, fetched, made

from accredit.envoy.address import Endpoint
from accredit.envoy.sidecar import Protocol

_TTL = 16
_ROTATIONS = 5
ELSEWHERE = TestCa("elsewhere.example", now=datetime.now(UTC))


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SpireAgent]:
    needs.envoy()
    with spire.running(tmp_path_factory.mktemp("s"), "td.example") as running:
        yield running


def test_only_the_allowed_caller_gets_through(agent: SpireAgent, folder: Path) -> None:
    at, now = free_port(), datetime.now(UTC)
    entry = agent.create("/other", selector=THIS_PROGRAM)
    strangers = {
        "no certificate": None,
        "another ID of SPIRE's": fetched(agent, folder),
        "the right ID by another authority": made(TestCa("td.example", now=now), folder, CALLER),
        "another trust domain": made(ELSEWHERE, folder, "spiffe://elsewhere.example/caller"),
    }
    with (
        app.serving(at, legacy_app.talk),
        spire_pair.running(folder, agent, at.port) as pair,
    ):
        with app.connect(Endpoint("127.0.0.1", pair.port)) as plain:
            answer = caller.get(plain)
        assert answer.status == 200
        assert f"URI={CALLER}" in json.dumps(json.loads(answer.body))
        for who, certificate in strangers.items():
            assert not caller.is_served(Protocol.HTTP, pair.mtls, certificate), who
    agent.delete(entry)


@pytest.mark.slow
def test_no_request_fails_while_spire_rotates(agent: SpireAgent, folder: Path) -> None:
    at = free_port()
    with (
        app.serving(at, legacy_app.talk),
        spire_pair.running(folder, agent, at.port, ttl=_TTL, lifetime="1s") as pair,
        Load(pair.port).running() as load,
    ):
        serials: dict[str, set[str]] = {"caller": set(), "server": set()}

        def rotated() -> bool:
            for name, sidecar in {"caller": pair.caller, "server": pair.server}.items():
                serials[name] |= {sidecar.serial()} - {""}
            return min(map(len, serials.values())) > _ROTATIONS

        wait_until(rotated, 300, lambda: (serials, load.failures[:3]))
        rejected = {**pair.caller.stats("update_rejected"), **pair.server.stats("update_rejected")}
        assert set(rejected.values()) == {0}
    assert load.failures == [], agent.log.read_text()[-4000:]
    assert load.kept.ok > 200
    assert load.fresh.ok > 200


@pytest.mark.slow
def test_no_request_fails_while_spire_replaces_its_root(agent: SpireAgent, folder: Path) -> None:
    at = free_port()
    with (
        app.serving(at, legacy_app.talk),
        spire_pair.running(folder, agent, at.port, ttl=_TTL, lifetime="1s") as pair,
        Load(pair.port).running() as load,
    ):
        envoys = pair.caller, pair.server
        old = _authority(agent, "show", "active")
        (root,) = pair.caller.roots()
        new = _authority(agent, "prepare", "prepared_authority")
        wait_until(lambda: all(len(each.roots()) == 2 for each in envoys), 60, "both are known")
        _authority(agent, "activate", "activated_authority", new)
        _authority(agent, "taint", "tainted_authority", old)
        for _ in range(2):  # the first may have been on its way already
            for each in envoys:
                _wait_for_another_svid(each)
        _authority(agent, "revoke", "revoked_authority", old)
        wait_until(lambda: all(root not in each.roots() for each in envoys), 60, "forgotten")
        served = load.ok
        wait_until(lambda: load.ok > served + 50, 60, "requests by the new root alone")
    assert load.failures == [], agent.log.read_text()[-4000:]


def _wait_for_another_svid(envoy: EnvoyAdmin) -> None:
    before = envoy.serial()
    wait_until(lambda: envoy.serial() not in {"", before}, 60, "another SVID")


def _authority(agent: SpireAgent, command: str, of: str, *named: str) -> str:
    """Run a command on SPIRE's X.509 authorities; return the id of the one it was about."""
    options = [word for each in named for word in ("-authorityID", each)]
    asked = ("localauthority", "x509", command, "-output", "json")
    found: str = json.loads(agent.server.cli(*asked, *options))[of]["authority_id"]
    return found


@pytest.mark.slow
def test_an_identity_that_is_taken_back_ends_with_its_last_svid(
    agent: SpireAgent, folder: Path
) -> None:
    at = free_port()

    def status() -> int:
        with app.connect(Endpoint("127.0.0.1", pair.port)) as plain:
            return caller.get(plain).status

    with (
        app.serving(at, legacy_app.talk),
        spire_pair.running(folder, agent, at.port, ttl=_TTL, lifetime="1s") as pair,
    ):
        assert status() == 200
        agent.delete(f"{folder.name}-caller")
        ends = pair.caller.expires()
        wait_until(lambda: status() == 503, 60, "it is refused")
        assert datetime.now(UTC) >= ends
        agent.create(CALLER.path, selector=f"unix:path:{folder}/caller/envoy")
        wait_until(lambda: status() == 200, 60, "it is served again")


def test_a_printed_bootstrap_without_an_id_takes_spires_default(
    agent: SpireAgent, folder: Path
) -> None:
    """Which is the one whose entry has the lowest id, whatever was made first."""
    for place, path in enumerate(("/second", "/first")):
        entry_id = f"{folder.name}-{2 - place}"
        agent.create(path, "-entryID", entry_id, selector=f"unix:path:{folder}/envoy")
    file = folder / "web.yaml"
    file.write_text(
        f"sidecar:\n  trust_domain: td.example\n  socket: {agent.socket}\n"
        f"  inbound: {{listen: '{free_port()}', app: '{free_port()}', allow: [/caller]}}\n"
    )
    command = ("envoy", "bootstrap", "--profile=spire", "--format=json", file)
    printed = subprocess.run(
        [sys.executable, "-m", "accredit", *command], check=True, capture_output=True
    )
    envoy = EnvoyProcess(folder, bootstrap=json.loads(printed.stdout))
    with envoy.running():
        envoy.wait_until_ready()
        assert envoy.uris() == {"spiffe://td.example/first"}


def _sidecar(agent: SpireAgent, folder: Path, *profile: str) -> SidecarRun:
    inbound = f"{{listen: '{free_port()}', app: '{free_port()}', allow: [/caller]}}"
    content = f"  socket: {agent.socket}\n  spiffe_id: /late\n  inbound: {inbound}\n"
    return SidecarRun(folder / "server", content, *profile)


def test_an_entry_that_comes_late_is_waited_for(agent: SpireAgent, folder: Path) -> None:
    sidecar = _sidecar(agent, folder, "--profile", "spire")
    missing = "spiffe://td.example/late from the agent at .* see spire-server entry show"
    with sidecar.running():
        wait_until(lambda: re.search(missing, sidecar.log_text()) is not None, 60, "told")
        assert sidecar.times_ready() == 0
        agent.create("/late", selector=f"unix:path:{sidecar.folder}/envoy")
        sidecar.wait_until_serving()
    assert "accredit entry" not in sidecar.log_text()


def test_a_sidecar_made_for_accredits_agent_is_told_what_it_needs(
    agent: SpireAgent, folder: Path
) -> None:
    sidecar = _sidecar(agent, folder)
    with sidecar.running():
        wait_until(lambda: "needs --profile spire" in sidecar.log_text(), 60, "told")
        assert sidecar.times_ready() == 0


def test_an_agent_that_is_away_is_waited_for(agent: SpireAgent, folder: Path) -> None:
    sidecar = _sidecar(agent, folder, "--profile", "spire")
    agent.create("/late", selector=f"unix:path:{sidecar.folder}/envoy")
    agent.stop()
    with sidecar.running():
        wait_until(lambda: "is the SPIRE Agent running?" in sidecar.log_text(), 60, "told")
        agent.start()
        sidecar.wait_until_serving()
