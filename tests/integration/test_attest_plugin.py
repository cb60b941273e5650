"""The attestor in examples/attestor, installed with pip and asked by a real agent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import needs
from support.agent_process import AgentProcess

_EXAMPLE = Path(__file__).parents[2] / "examples/attestor"
_CONFIG = """\
trust_domain: prod.example
attestation:
  plugins:
    sandbox: {{facts: [no_new_privs]}}
    {more}
entries:
  - {{id: /anybody, selectors: ["unix:uid:{uid}"]}}
  - {{id: /sandboxed, selectors: ["sandbox:no_new_privs"]}}
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packages")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    # Without a registry: what builds it and what it needs is here already.
    offline = ["--no-index", "--no-deps", "--no-build-isolation", f"--target={folder}"]
    subprocess.run([*pip, *offline, _EXAMPLE], check=True, timeout=100)
    return folder


def ids(agent: AgentProcess, *wrapper: str | Path) -> set[str]:
    fetch = [sys.executable, "-m", "accredit", "api", "fetch", "x509", "--output=json"]
    done = subprocess.run(
        [*wrapper, *fetch, f"--socket=unix://{agent.socket}"],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return {svid["spiffe_id"].rpartition("/")[2] for svid in json.loads(done.stdout)["svids"]}


def test_its_selectors_give_an_identity(
    tmp_path: Path, packages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setpriv = needs.program("setpriv", apt="util-linux")
    monkeypatch.setenv("PYTHONPATH", str(packages))
    agent = AgentProcess(tmp_path, _CONFIG.format(uid=os.geteuid(), more=""))
    assert "warning" not in agent.command("check", "-c", agent.config)
    with agent.running():
        assert ids(agent) == {"anybody"}
        assert ids(agent, setpriv, "--no-new-privs") == {"anybody", "sandboxed"}
        command = [setpriv, "--no-new-privs", "sh", "-c", "echo is; read line"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with subprocess.Popen(command, **pipes) as sandboxed:  # type: ignore[call-overload]
            sandboxed.stdout.readline()
            admin = f"--admin-socket={agent.admin_socket}"
            said = agent.command("entry", "explain", str(sandboxed.pid), admin)
            sandboxed.communicate(b"\n")
        (line,) = [each for each in said.splitlines() if "sandbox:no_new_privs" in each]
        assert "kernel" in line


def test_what_is_installed_and_not_named_is_not_asked_and_what_is_missing_costs_itself(
    tmp_path: Path, packages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setpriv = needs.program("setpriv", apt="util-linux")
    monkeypatch.setenv("PYTHONPATH", str(packages))
    config = _CONFIG.format(uid=os.geteuid(), more="absent: {}")
    agent = AgentProcess(tmp_path, config.replace("    sandbox: {facts: [no_new_privs]}\n", ""))
    with agent.running():
        assert ids(agent, setpriv, "--no-new-privs") == {"anybody"}
    log = agent.log.read_text()
    assert "attestor plug-in cannot be used" in log
    assert "no installed package has an entry point 'absent'" in log
    assert "sandbox" not in log
