"""Processes whose standard streams nobody reads, or which were started without them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from support.agent_process import AgentProcess
from support.eventually import wait_until
from support.file_watch import ME
from support.full_pipe import full_pipe

_CONFIG = f"""\
trust_domain: prod.example
entries:
  - {{id: /me, selectors: ["{ME}"]}}
"""


def fetched(agent: AgentProcess) -> list[str]:
    address = f"--socket=unix://{agent.socket}"
    found = json.loads(agent.command("api", "fetch", "x509", "--output=json", address))
    return [svid["spiffe_id"] for svid in found["svids"]]


def test_an_agent_whose_log_nobody_reads_serves_reloads_and_stops(
    tmp_path: Path,
) -> None:
    agent = AgentProcess(tmp_path, _CONFIG)
    with full_pipe() as pipe, agent.running(output=pipe):
        agent.send(signal.SIGHUP)
        assert fetched(agent) == ["spiffe://prod.example/me"]
        assert agent.stop() == 0


def test_files_are_kept_fresh_though_nobody_reads_what_is_logged(
    tmp_path: Path,
) -> None:
    agent = AgentProcess(tmp_path, _CONFIG)
    outputs = tmp_path / "files.yaml"
    outputs.write_text(f"outputs: [{{name: web, profile: pem, folder: {tmp_path}/web}}]\n")
    outputs.chmod(0o600)
    with agent.running(), full_pipe() as pipe:
        command = [sys.executable, "-m", "accredit", "file", "watch", "-c", str(outputs)]
        address = f"--socket=unix://{agent.socket}"
        with subprocess.Popen([*command, address], stderr=pipe) as watch:
            wait_until((tmp_path / "web/tls.crt").exists, 60)
            watch.terminate()
            assert watch.wait(60) == 0


def test_without_standard_streams_nothing_of_ours_takes_their_place(tmp_path: Path) -> None:
    agent = AgentProcess(tmp_path, _CONFIG)
    with agent.running(prefix=("sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh")):
        assert fetched(agent) == ["spiffe://prod.example/me"]
        for number in (0, 1, 2):
            assert Path(f"/proc/{agent.pid}/fd/{number}").readlink() == Path(os.devnull)
        assert agent.stop() == 0
