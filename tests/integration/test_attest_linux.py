"""What the kernel says of a caller's place, through a real agent."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.agent_process import AgentProcess
from support.cgroup import cgroup, entering
from support.host import on_host

_CONFIG = """\
trust_domain: prod.example
attestation: {{linux: {{}}}}
entries:
  - {{id: /host, selectors: ["linux:host"]}}
  - {{id: /container, selectors: ["linux:container", "linux:cgroup:/{cgroup}"]}}
  - {{id: /placed, selectors: ["linux:cgroup:/{cgroup}"]}}
"""


@pytest.mark.root
def test_place_and_cgroup_tell_callers_apart(tmp_path: Path) -> None:
    with cgroup("placed") as folder:
        agent = AgentProcess(tmp_path, _CONFIG.format(cgroup=folder.name))
        fetch = [sys.executable, "-m", "accredit", "api", "fetch", "x509", "--output=json"]
        fetch.append(f"--socket=unix://{agent.socket}")

        def ids(*command: str | Path) -> list[str]:
            done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
            return [
                svid["spiffe_id"].rpartition("/")[2] for svid in json.loads(done.stdout)["svids"]
            ]

        contained = ["unshare", "--pid", "--mount", "--fork", *fetch]
        with agent.running():
            assert ids(*on_host(), *fetch) == ["host"]
            assert ids(*on_host(), *entering(folder, *fetch)) == ["host", "placed"]
            assert ids(*entering(folder, *contained)) == ["container", "placed"]
