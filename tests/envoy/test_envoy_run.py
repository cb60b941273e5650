"""``accredit envoy run`` as its operator and its supervisor see it, with a real Envoy."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import needs, sidecar_pair
from support.agent_process import AgentProcess
from support.eventually import wait_until
from support.full_pipe import full_pipe
from support.sidecar_run import SidecarRun

_CONFIG = """
trust_domain: td.example
attestation: {unix: {discover_path: true}}
entries_dir: entries
"""


def _content(socket_path: Path, port: int, spiffe_id: str = str(sidecar_pair.SERVER)) -> str:
    return (
        f"  socket: {socket_path}\n  spiffe_id: {spiffe_id}\n  inbound:\n"
        f"    - {{listen: '127.0.0.1:{port}', app: '127.0.0.1:1', allow: [/caller]}}\n"
    )


@pytest.fixture
def port() -> int:
    return sidecar_pair.free_port().port


@pytest.fixture
def agent(folder: Path) -> Iterator[AgentProcess]:
    needs.envoy()
    (folder / "entries").mkdir()
    (folder / "entries/pair.yaml").write_text(sidecar_pair.entries(folder, "1h"))
    with AgentProcess(folder, _CONFIG).running() as agent:
        yield agent


@pytest.fixture
def sidecar(folder: Path, agent: AgentProcess, port: int) -> Iterator[SidecarRun]:
    content = _content(agent.socket, port)
    with SidecarRun(folder / "server", content, "--drain-time", "1").running() as sidecar:
        sidecar.wait_until_serving()
        yield sidecar


def _entries(agent: AgentProcess) -> list[Any]:
    told = agent.command("entry", "list", "-c", agent.config, "--output", "json")
    return list(json.loads(told))


def test_it_serves_and_ends_though_nobody_reads_what_it_says(
    folder: Path, agent: AgentProcess, port: int
) -> None:
    run = SidecarRun(folder / "server", _content(agent.socket, port), "--drain-time", "1")
    with full_pipe() as pipe, run.running(output=pipe):
        run.wait_until_serving()
        assert _accepts(port)
        run.send(signal.SIGTERM)
        assert run.wait() == 0


def test_systemd_hears_that_it_lives(folder: Path, agent: AgentProcess, port: int) -> None:
    run = SidecarRun(folder / "server", _content(agent.socket, port), "--drain-time", "1")
    run.starter[1]["env"]["WATCHDOG_USEC"] = "3000000"
    with run.running():
        wait_until(lambda: run.hear().count("WATCHDOG=1") > 1, 60, "it says so twice")


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_it_serves_ends_with_zero_and_leaves_nothing_behind(sidecar: SidecarRun, port: int) -> None:
    assert _accepts(port)
    assert sidecar.serial()
    (pid,) = sidecar.envoys()
    shared = sidecar.shared_memory()
    assert shared.exists()
    sidecar.send(signal.SIGTERM)
    assert sidecar.wait() == 0
    assert not Path(f"/proc/{pid}").exists()
    assert not list(sidecar.folder.glob("envoy-*"))
    assert not shared.exists()
    assert any("STOPPING=1" in each for each in sidecar.hear())


def test_a_file_with_mistakes_keeps_the_old_envoy(
    sidecar: SidecarRun, agent: AgentProcess, port: int
) -> None:
    before = sidecar.envoys()
    sidecar.write(_content(agent.socket, port).replace("allow: [/caller]", "alow: []"))
    told = re.compile(f"change not taken over .*{sidecar.file}:.*alow")
    wait_until(lambda: bool(told.search(sidecar.log_text())), 60, "the mistakes are told")
    assert sidecar.envoys() == before
    assert sidecar.started() == before
    assert _accepts(port)


def test_a_file_that_only_envoy_refuses_keeps_the_old_envoy(
    sidecar: SidecarRun, agent: AgentProcess, port: int
) -> None:
    before = sidecar.envoys()
    sidecar.write(_content(agent.socket, port) + "  access_log: /nowhere/access.log\n")
    wait_until(lambda: "refused by Envoy" in sidecar.log_text(), 60, "the refusal is told")
    assert sidecar.started() == before
    assert sidecar.envoys() == before
    assert _accepts(port)


def test_a_file_that_is_written_again_unchanged_restarts_nothing(
    sidecar: SidecarRun, agent: AgentProcess, port: int
) -> None:
    before = sidecar.started()
    sidecar.write(_content(agent.socket, port))
    sidecar.send(signal.SIGHUP)
    sidecar.write("  inbound: [broken]\n")
    wait_until(lambda: "change not taken over" in sidecar.log_text(), 60, "the mistakes are told")
    assert sidecar.started() == before


def test_a_follower_that_cannot_start_leaves_the_old_one_serving_and_its_admin_comes_back(
    sidecar: SidecarRun, agent: AgentProcess, port: int
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        more = f"    - {{listen: '127.0.0.1:{taken.getsockname()[1]}', app: '127.0.0.1:1', "
        sidecar.write(_content(agent.socket, port) + more + "allow: [/caller]}\n")
        sidecar.wait_until_serving(2)
        log = sidecar.log_text()
        assert "the old Envoy serves on" in log
        assert "Address already in use" in log
        assert sidecar.epoch() == 1
        assert _accepts(port)
    # The port is free now, and asking again is enough.
    wait_until(lambda: len(sidecar.envoys()) == 1, 60, "the old one has gone")
    sidecar.send(signal.SIGHUP)
    sidecar.write(_content(agent.socket, port) + more + "allow: [/other]}\n")
    sidecar.wait_until_serving(3)
    assert sidecar.epoch() == 2


def test_without_its_entry_it_is_not_ready_and_says_why_until_it_is_granted(
    folder: Path, agent: AgentProcess, port: int
) -> None:
    granted = folder / "entries/pair.yaml"
    text = granted.read_text()
    granted.write_text("entries: []\n")
    wait_until(lambda: not _entries(agent), 60, "nobody is entitled to anything")
    content = _content(agent.socket, port)
    with SidecarRun(folder / "server", content).running() as sidecar:
        own = re.compile(f"waiting for secret {sidecar_pair.SERVER} .*not granted yet")
        wait_until(lambda: bool(own.search(sidecar.log_text())), 60, "what is missing is told")
        wait_until(
            lambda: any(each.startswith("STATUS=waiting for secret") for each in sidecar.hear()),
            60,
            "its supervisor hears of it",
        )
        assert sidecar.times_ready() == 0
        assert not _accepts(port)
        granted.write_text(text)
        sidecar.wait_until_serving()
        assert _accepts(port)


def test_without_an_agent_it_is_not_ready_until_there_is_one(
    folder: Path, agent: AgentProcess, port: int
) -> None:
    agent.kill()
    content = _content(agent.socket, port)
    with SidecarRun(folder / "server", content).running() as sidecar:
        wait_until(
            lambda: "is accredit running?" in sidecar.log_text(), 60, "it says what is missing"
        )
        assert sidecar.times_ready() == 0
        agent.start()
        sidecar.wait_until_serving()


def test_a_restart_without_the_agent_keeps_the_old_envoy_until_the_agent_is_back(
    sidecar: SidecarRun, agent: AgentProcess, port: int
) -> None:
    (old,) = sidecar.envoys()
    agent.kill()
    sidecar.write(_content(agent.socket, port).replace("/caller", "/other"))
    wait_until(lambda: "is accredit running?" in sidecar.log_text(), 60, "it says what is missing")
    assert old in sidecar.envoys()
    assert _accepts(port)
    # Another change meanwhile replaces the one that waits.
    waiting = sidecar.envoys()[1]
    sidecar.write(_content(agent.socket, port).replace("/caller", "/another"))
    wait_until(lambda: len(sidecar.started()) == 3, 60, "the newest change is on its way")
    assert waiting not in sidecar.envoys()
    assert old in sidecar.envoys()
    assert _accepts(port)
    agent.start()
    sidecar.wait_until_serving(2)
    wait_until(lambda: old not in sidecar.envoys(), 60, "the old one has gone")
    assert sidecar.epoch() == 1
    assert _accepts(port)


def test_killing_it_leaves_no_envoy_and_the_next_one_cleans_up(
    sidecar: SidecarRun, port: int
) -> None:
    (pid,) = sidecar.envoys()
    sidecar.kill()
    wait_until(lambda: not Path(f"/proc/{pid}/exe").exists(), 60, "Envoy has died too")
    # A process that dies gives back its memory first, and its sockets a moment later.
    wait_until(lambda: not _accepts(port), 60, "its port is closed")
    (left,) = sidecar.folder.glob("envoy-*")
    shared = sidecar.shared_memory()
    assert shared.exists()
    with sidecar.running():
        sidecar.wait_until_serving(2)
        assert not left.exists()
        assert not shared.exists()


def test_an_envoy_that_dies_ends_it_with_one_and_the_reason(sidecar: SidecarRun) -> None:
    (pid,) = sidecar.envoys()
    os.kill(pid, signal.SIGKILL)
    assert sidecar.wait() == 1
    assert "Envoy was killed (SIGKILL)" in sidecar.log_text()


def test_a_port_that_is_taken_at_the_start_is_the_reason_it_ends(
    folder: Path, agent: AgentProcess
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        content = _content(agent.socket, taken.getsockname()[1])
        with SidecarRun(folder / "server", content).running() as sidecar:
            assert sidecar.wait() == 1
            last = sidecar.log_text().splitlines()[-1]
            assert "cannot go on" in last
            assert "Address already in use" in last


def test_a_second_one_for_the_same_sidecar_is_refused(
    sidecar: SidecarRun, agent: AgentProcess
) -> None:
    done = agent.command("envoy", "run", sidecar.file, check=False)
    assert done == ""
    sidecar.send(signal.SIGUSR1)
    assert len(sidecar.envoys()) == 1


def test_signals_for_access_logs_reach_envoy_even_while_it_starts(
    sidecar: SidecarRun, agent: AgentProcess, port: int
) -> None:
    before = len(sidecar.started())
    sidecar.write(_content(agent.socket, port).replace("/caller", "/other"))
    while len(sidecar.started()) == before:
        sidecar.send(signal.SIGUSR1)
        time.sleep(0.001)  # often enough to hit the moment, and the command gets to work
    sidecar.send(signal.SIGUSR1)
    sidecar.wait_until_serving(2)
    wait_until(lambda: len(sidecar.envoys()) == 1, 60, "the old one has gone")


def test_two_sidecars_on_one_machine_do_not_disturb_each_other(
    folder: Path, sidecar: SidecarRun, agent: AgentProcess, port: int
) -> None:
    content = _content(agent.socket, sidecar_pair.free_port().port, str(sidecar_pair.CALLER))
    with SidecarRun(folder / "caller", content, "--drain-time", "1").running() as other:
        other.wait_until_serving()
        other.write(content.replace("/caller]", "/another]"))
        sidecar.write(_content(agent.socket, port).replace("/caller", "/other"))
        other.wait_until_serving(2)
        sidecar.wait_until_serving(2)
        assert (other.epoch(), sidecar.epoch()) == (1, 1)
        other.send(signal.SIGTERM)
        assert other.wait() == 0
        assert sidecar.serial()
        assert _accepts(port)
