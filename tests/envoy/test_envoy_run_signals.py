"""Signals and changes while ``accredit envoy run`` is in the middle of something else."""

from __future__ import annotations

import http.client
import json
import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support import needs, sidecar_pair
from support.agent_process import AgentProcess
from support.eventually import wait_until
from support.sidecar_run import SidecarRun
from support.token_app import TokenApp

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

_CONFIG = """
trust_domain: td.example
attestation: {unix: {discover_path: true}}
"""
_ABSENT = "spiffe://td.example/nobody"  # no entry grants it
_STOPS = (signal.SIGTERM, signal.SIGINT)


def _content(agent: AgentProcess, port: int, spiffe_id: str, peer: str = "/caller") -> str:
    return (
        f"  socket: {agent.socket}\n  spiffe_id: {spiffe_id}\n  inbound:\n"
        f"    - {{listen: '127.0.0.1:{port}', app: '127.0.0.1:1', allow: [{peer}]}}\n"
    )


@pytest.fixture
def agent(folder: Path) -> Iterator[AgentProcess]:
    needs.envoy()
    me = f'  - {{id: /me, selectors: ["unix:uid:{os.geteuid()}"]}}\n'
    entries = sidecar_pair.entries(folder, "1h") + me
    with AgentProcess(folder, _CONFIG + entries).running() as agent:
        yield agent


@pytest.fixture
def port() -> int:
    return sidecar_pair.free_port().port


@pytest.fixture
def sidecar(folder: Path, agent: AgentProcess, port: int) -> Iterator[SidecarRun]:
    content = _content(agent, port, str(sidecar_pair.SERVER))
    with SidecarRun(folder / "server", content, "--drain-time", "1").running() as sidecar:
        yield sidecar


def _leaves_nothing(sidecar: SidecarRun, shared: Path | None = None) -> None:
    for pid in sidecar.started():
        assert not Path(f"/proc/{pid}/exe").exists()
    assert not list(sidecar.folder.glob("envoy-*"))
    assert shared is None or not shared.exists()


def _ends_well(sidecar: SidecarRun, number: signal.Signals, shared: Path | None) -> None:
    sidecar.send(number)
    assert sidecar.wait() == 0
    _leaves_nothing(sidecar, shared)


def _token(agent: AgentProcess) -> str:
    text = agent.command(
        *("api", "fetch", "jwt", "--audience=x", "--output=json"),
        f"--socket=unix://{agent.socket}",
    )
    return str(json.loads(text)["svids"][0]["svid"])


def _status(port: int, token: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/", headers={"authorization": f"Bearer {token}"})
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.mark.parametrize("number", _STOPS)
def test_a_stop_while_a_change_waits_for_its_secrets(
    sidecar: SidecarRun, agent: AgentProcess, port: int, number: signal.Signals
) -> None:
    sidecar.wait_until_serving()
    shared = sidecar.shared_memory()
    sidecar.write(_content(agent, port, _ABSENT))
    wait_until(lambda: "not granted yet" in sidecar.log_text(), 60, "the change waits")
    assert len(sidecar.envoys()) == 2
    _ends_well(sidecar, number, shared)


@pytest.mark.parametrize("number", _STOPS)
def test_a_stop_while_the_parent_leaves(
    sidecar: SidecarRun, agent: AgentProcess, port: int, number: signal.Signals
) -> None:
    sidecar.wait_until_serving()
    shared = sidecar.shared_memory()
    sidecar.write(_content(agent, port, str(sidecar_pair.SERVER), "/other"))
    sidecar.wait_until_serving(2)
    assert len(sidecar.envoys()) == 2
    _ends_well(sidecar, number, shared)


@pytest.mark.parametrize("number", _STOPS)
def test_a_stop_while_the_first_one_waits_for_its_secrets(
    sidecar: SidecarRun, agent: AgentProcess, port: int, number: signal.Signals
) -> None:
    sidecar.write(_content(agent, port, _ABSENT))
    wait_until(lambda: "not granted yet" in sidecar.log_text(), 60, "it waits")
    shared = sidecar.shared_memory()
    _ends_well(sidecar, number, shared)


@pytest.mark.parametrize("number", _STOPS)
def test_a_stop_before_there_is_an_envoy(sidecar: SidecarRun, number: signal.Signals) -> None:
    wait_until(lambda: bool(list(sidecar.folder.glob("envoy-*/base_id"))), 60, "it has a folder")
    shared = sidecar.shared_memory()
    _ends_well(sidecar, number, shared)


def test_two_hangups_and_two_changes_in_a_row_end_in_the_newest(
    sidecar: SidecarRun, agent: AgentProcess, port: int
) -> None:
    sidecar.wait_until_serving()
    sidecar.send(signal.SIGHUP)
    sidecar.send(signal.SIGHUP)
    sidecar.write(_content(agent, port, _ABSENT))
    wait_until(lambda: len(sidecar.envoys()) == 2, 60, "a change is on its way")
    sidecar.write(_content(agent, port, str(sidecar_pair.SERVER), "/third"))
    sidecar.send(signal.SIGHUP)
    sidecar.write(_content(agent, port, str(sidecar_pair.SERVER), "/fourth"))
    sidecar.send(signal.SIGHUP)

    def newest() -> bool:
        dump = sidecar.get("/config_dump")[1]
        return b"td.example/fourth" in dump and b"td.example/third" not in dump

    wait_until(newest, 60, "the newest serves")
    wait_until(lambda: len(sidecar.envoys()) == 1, 60, "and no other")
    sidecar.send(signal.SIGTERM)
    assert sidecar.wait() == 0
    _leaves_nothing(sidecar)


def test_a_change_waits_for_its_jwt_keys_while_the_old_one_takes_good_tokens(
    folder: Path, agent: AgentProcess, port: int
) -> None:
    keys, to = folder / "keys.sock", sidecar_pair.free_port()
    keys.symlink_to(agent.socket.with_name("jwks.sock"))
    until = (datetime.now(UTC) + timedelta(days=2)).date()
    content = (
        f"  socket: {agent.socket}\n  spiffe_id: {sidecar_pair.SERVER}\n  inbound:\n"
        f"    - {{listen: '127.0.0.1:{port}', app: '{to}', allow: [/a], mode: permissive,\n"
        f"       until: {until}, jwt: {{audience: x, jwks: {keys}, allow: /me}}}}\n"
    )
    with (
        TokenApp(to).running(),
        SidecarRun(folder / "server", content, "--drain-time", "1").running() as sidecar,
    ):
        sidecar.wait_until_serving()
        token = _token(agent)
        assert _status(port, token) == 200
        (old,) = sidecar.envoys()
        keys.unlink()
        sidecar.write(content.replace("[/a]", "[/b]"))
        wait_until(lambda: "waiting for JWT keys from" in sidecar.log_text(), 60, "it says so")
        assert old in sidecar.envoys()
        assert {_status(port, token) for _ in range(20)} == {200}
        keys.symlink_to(agent.socket.with_name("jwks.sock"))
        seen = {200}

        def replaced() -> bool:
            seen.add(_status(port, token))
            return old not in sidecar.envoys()

        wait_until(replaced, 60, "the new one serves alone")
        assert seen == {200}
