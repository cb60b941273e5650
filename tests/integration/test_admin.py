"""Who may administer a running agent, and that nobody can wear it down."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import needs, other_user
from support.agent_process import AgentProcess

from accredit.agent.admin_client import ask

_CONFIG = f"""\
trust_domain: prod.example
entries:
  - id: /me
    selectors: ["unix:uid:{os.geteuid()}"]
"""
_ASK = """\
import socket, sys
with socket.socket(socket.AF_UNIX) as s:
    s.settimeout(60)
    try:
        s.connect(sys.argv[1])
    except PermissionError:
        sys.exit("EACCES")
    try:
        s.sendall(b'{"method": "ca.rotate"}\\n')
        print(s.recv(4096))
    except ConnectionError:
        print(b"")
"""


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[AgentProcess]:
    with AgentProcess(tmp_path, _CONFIG).running() as running:
        yield running


def asked_by_another_user(path: Path) -> subprocess.CompletedProcess[str]:
    command, how = other_user.python("-c", _ASK, path)
    return subprocess.run(command, **how, check=False, capture_output=True, text=True, timeout=90)


def roots(agent: AgentProcess) -> list[str]:
    return [root["kid"] for root in ask(agent.admin_socket, "ca.show")["roots"]]


def test_another_user_does_not_get_as_far_as_the_socket() -> None:
    with other_user.folder() as folder:
        os.chown(folder, 0, 0)
        with AgentProcess(folder, _CONFIG).running() as agent:
            assert "EACCES" in asked_by_another_user(agent.admin_socket).stderr


def test_another_user_is_refused_even_where_the_folder_was_opened_by_mistake() -> None:
    with other_user.folder() as folder:
        os.chown(folder, 0, 0)
        with AgentProcess(folder, _CONFIG).running() as agent:
            agent.admin_socket.parent.chmod(0o777)
            agent.admin_socket.chmod(0o666)
            before = roots(agent)
            asked = asked_by_another_user(agent.admin_socket)
            assert (asked.returncode, asked.stdout.strip()) == (0, "b''")
            assert roots(agent) == before
            reason = f"uid {other_user.UID} is neither root nor the agent's own user"
            assert reason in agent.log.read_text()


def test_root_may_administer_the_agent_of_another_user() -> None:
    needs.root()
    with other_user.folder() as folder:
        agent = AgentProcess(folder, _CONFIG)
        os.chown(agent.config, other_user.UID, other_user.UID)
        command, how = other_user.python("-m", "accredit", "run", "-c", agent.config)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
            notify = folder / "notify.sock"
            supervisor.bind(str(notify))
            supervisor.settimeout(60)
            notify.chmod(0o666)
            how["env"]["NOTIFY_SOCKET"] = str(notify)
            with subprocess.Popen(command, **how) as process:
                try:
                    assert supervisor.recv(4096).startswith(b"READY=1")
                    assert ask(agent.admin_socket, "status")["trust_domain"] == "prod.example"
                finally:
                    process.terminate()


def test_noise_costs_nothing_but_its_own_connection(agent: AgentProcess) -> None:
    for noise in (b"\x00" * 200_000, b"\n" * 1000, b"{" * 65_000 + b"\n", os.urandom(70_000)):
        with socket.socket(socket.AF_UNIX) as caller:
            caller.settimeout(60)
            caller.connect(str(agent.admin_socket))
            try:
                caller.sendall(noise)
                caller.shutdown(socket.SHUT_WR)
                while caller.recv(65536):
                    pass
            except ConnectionError:
                pass
    assert ask(agent.admin_socket, "status")["entries"] == 1
    assert agent.stop() == 0


def test_a_hundred_silent_connections_leave_the_public_socket_alone(agent: AgentProcess) -> None:
    silent = [socket.socket(socket.AF_UNIX) for _ in range(100)]
    for each in silent:
        each.connect(str(agent.admin_socket))
    found = agent.command(
        "api", "fetch", "x509", "--output=json", f"--socket=unix://{agent.socket}"
    )
    assert json.loads(found)["svids"]
    for each in silent:
        each.close()
    assert ask(agent.admin_socket, "status")["entries"] == 1
