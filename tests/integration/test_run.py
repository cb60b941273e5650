"""``accredit run`` as its supervisor and its users see it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import needs
from support.agent_process import AgentProcess
from support.eventually import wait_until

_UID = os.geteuid()
_ENTRY = f"""\
trust_domain: prod.example
entries:
  - id: /me
    selectors: ["unix:uid:{_UID}"]
"""
_SECOND = f"""\
  - id: /second
    selectors: ["unix:uid:{_UID}"]
"""


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[AgentProcess]:
    with AgentProcess(tmp_path, _ENTRY).running() as running:
        yield running


def run(config: Path) -> subprocess.CompletedProcess[str]:
    """Run an agent that is expected to end by itself."""
    return subprocess.run(
        [sys.executable, "-m", "accredit", "run", "-c", config],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "XDG_RUNTIME_DIR": "/run/user/1", "XDG_STATE_HOME": "/state"},
    )


def config(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "accredit.yaml"
    path.write_text(text)
    path.chmod(0o600)
    return path


def fetched(agent: AgentProcess) -> list[str]:
    found = agent.command(
        "api", "fetch", "x509", "--output=json", f"--socket=unix://{agent.socket}"
    )
    return [svid["spiffe_id"] for svid in json.loads(found)["svids"]]


def until_fetched(agent: AgentProcess, ids: list[str]) -> None:
    wait_until(lambda: fetched(agent) == ids, tell=agent.log.read_text)


def test_it_serves_what_the_file_says_and_leaves_nothing_behind(agent: AgentProcess) -> None:
    assert fetched(agent) == ["spiffe://prod.example/me"]
    assert agent.stop() == 0
    assert not agent.socket.exists()
    assert not agent.admin_socket.exists()
    assert list(agent.admin_socket.parent.iterdir()) == []


def test_sockets_and_data_have_the_modes_that_keep_others_out(agent: AgentProcess) -> None:
    modes = {
        agent.socket: 0o666,
        agent.socket.parent: 0o755,
        agent.admin_socket: 0o600,
        agent.admin_socket.parent: 0o700,
        agent.folder / "data": 0o700,
    }
    assert {path: stat.S_IMODE(path.stat().st_mode) for path in modes} == modes


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_open_streams_and_then_the_process_with_0(
    tmp_path: Path, number: signal.Signals
) -> None:
    # What is in flight would be waited for longer than stop() does.
    agent = AgentProcess(tmp_path, _ENTRY + "limits: {drain: 10m}\n")
    address = f"--socket=unix://{agent.socket}"
    with (
        agent.running(),
        subprocess.Popen(
            [sys.executable, "-m", "accredit", "api", "watch", "--output=json", address],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as watcher,
    ):
        assert watcher.stdout is not None
        try:
            assert watcher.stdout.readline()
            agent.send(number)
            assert agent.stop() == 0
        finally:
            watcher.kill()
    log = agent.log.read_text()
    assert "stopping" in log
    assert log.rstrip().endswith("stopped")


def test_the_supervisor_hears_when_it_is_ready_reloads_and_stops(tmp_path: Path) -> None:
    agent = AgentProcess(tmp_path, _ENTRY)
    notify = tmp_path / "supervisor.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(str(notify))
        supervisor.settimeout(60)
        with subprocess.Popen(
            [sys.executable, "-m", "accredit", "run", "-c", agent.config],
            stderr=subprocess.PIPE,
            env={**os.environ, "NOTIFY_SOCKET": str(notify)},
        ) as process:
            ready = supervisor.recv(4096).decode()
            assert ready == f"READY=1\nSTATUS=prod.example at {agent.socket}: 1 entry"
            assert agent.socket.exists()
            process.send_signal(signal.SIGHUP)
            assert supervisor.recv(4096).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
            assert supervisor.recv(4096).decode() == ready
            process.send_signal(signal.SIGTERM)
            assert supervisor.recv(4096).startswith(b"STOPPING=1")
            assert process.wait(60) == 0


def test_a_changed_file_is_followed_and_a_bad_one_changes_nothing(agent: AgentProcess) -> None:
    good = agent.config.read_text()
    agent.config.write_text(good + _SECOND)
    both = ["spiffe://prod.example/me", "spiffe://prod.example/second"]
    until_fetched(agent, both)
    agent.config.write_text(good + "  - {id: third}\n")
    agent.send(signal.SIGHUP)
    wait_until(lambda: "entries not reloaded" in agent.log.read_text())
    assert fetched(agent) == both
    agent.config.write_text(good)
    until_fetched(agent, both[:1])


def test_a_second_agent_on_the_same_data_folder_is_refused(agent: AgentProcess) -> None:
    text = agent.config.read_text().replace("run/", "run2/")
    second = run(config(agent.folder / "second", text))
    assert second.returncode == 1
    assert f"data: is in use by another accredit (process {agent.pid}); stop that" in second.stderr
    assert "Traceback" not in second.stderr
    assert fetched(agent) == ["spiffe://prod.example/me"]


def test_a_second_agent_on_the_same_socket_is_refused(agent: AgentProcess) -> None:
    text = agent.config.read_text().replace("/data", "/data2").replace("admin.sock", "other.sock")
    second = run(config(agent.folder / "second", f"{text}\njwks: {{enabled: false}}\n"))
    assert second.returncode == 1
    assert "api.sock: another process is serving here; stop it or choose" in second.stderr
    assert "Traceback" not in second.stderr
    assert fetched(agent) == ["spiffe://prod.example/me"]
    assert agent.stop() == 0


def test_all_mistakes_of_a_file_are_told_with_their_lines(tmp_path: Path) -> None:
    path = config(tmp_path, "ttl: 1\ncolour: red\nentries:\n  - id: a\n")
    done = run(path)
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines[0].startswith(f"Error: {path}:1: trust_domain: is missing")
    assert [line.partition(": ")[0] for line in lines[1:]] == [f"{path}:1", f"{path}:2"]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = run(tmp_path / "gone.yaml")
    assert done.returncode == 1
    assert (
        done.stderr == f"Error: {tmp_path}/gone.yaml: cannot be read: no such file or directory\n"
    )


def test_killed_with_9_it_starts_again_with_the_same_root(agent: AgentProcess) -> None:
    before = agent.command("bundle", "show", "-c", agent.config)
    for _ in range(3):
        agent.kill()
        assert agent.socket.exists()
        agent.start()
        assert agent.command("bundle", "show", "-c", agent.config) == before
        assert fetched(agent) == ["spiffe://prod.example/me"]
    assert agent.stop() == 0
    assert list(agent.admin_socket.parent.iterdir()) == []


def test_logs_are_json_where_asked_for(tmp_path: Path) -> None:
    agent = AgentProcess(tmp_path, _ENTRY + "logging: {format: json, level: debug}\n")
    with agent.running():
        fetched(agent)
        agent.stop()
    messages = [json.loads(line)["message"] for line in agent.log.read_text().splitlines()]
    assert messages[-1] == "stopped"


def test_a_full_disk_is_told_and_nothing_is_made_up(tmp_path: Path) -> None:
    needs.root()
    mount = needs.program("mount", apt="mount")
    small = tmp_path / "small"
    small.mkdir(mode=0o700)
    done = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=4k,mode=0700", "tmpfs", small],
        check=False,
        capture_output=True,
    )
    if done.returncode:
        pytest.skip("nothing can be mounted here")
    try:
        agent = AgentProcess(tmp_path, _ENTRY)
        agent.config.write_text(agent.config.read_text().replace("/data", "/small/data"))
        (small / "filler").write_bytes(b"x" * 4096)
        refused = run(agent.config)
        assert refused.returncode == 1
        assert "no space left on device" in refused.stderr.lower()
        assert "Traceback" not in refused.stderr
    finally:
        subprocess.run(["umount", small], check=True)
        shutil.rmtree(small)
