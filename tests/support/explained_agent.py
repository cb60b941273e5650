"""An agent with entries of several kinds, whom commands ask about processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.agent_process import AgentProcess

UID = os.geteuid()
CONFIG = f"""\
trust_domain: prod.example
entries:
  - id: /u/{{unix:uid}}/web
    hint: mine
  - id: /me
    selectors: ["unix:uid:{UID}"]
    default: true
  - id: /other
    selectors: ["unix:uid:{UID}", "unix:path:/bin/other"]
  - id: /ns/{{k8s:ns}}
    selectors: ["unix:uid:{UID}"]
"""
PLACES = "data_dir: d\nsocket: s\nadmin_socket: a\n"
MINE = f"spiffe://prod.example/u/{UID}/web"
ME = "spiffe://prod.example/me"


@contextmanager
def sleeping() -> Iterator[int]:
    process = subprocess.Popen(["sleep", "1000"])
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


def run(agent: AgentProcess, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "accredit", *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "SPIFFE_ENDPOINT_SOCKET": f"unix:{agent.socket}"},
    )


def entry(agent: AgentProcess, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return run(agent, "entry", *arguments, "-c", agent.config)
