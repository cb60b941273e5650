"""An agent whose user may start no further process or thread, as at a limit of pids."""

from __future__ import annotations

import json
import os
import resource
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support import ordinary_user, other_user
from support.agent_process import AgentProcess
from support.eventually import wait_until

from accredit.agent.admin_client import ask

_ENTRIES = 2000  # so that reading them takes a while
_ASKING = 16
_NO_ROOM = "'true' cannot be run: resource temporarily unavailable; allow this process more"


def config(folder: Path) -> str:
    many = "".join(f"  - {{id: /{i}, selectors: ['unix:uid:1']}}\n" for i in range(_ENTRIES))
    return (
        "trust_domain: prod.example\noutputs:\n"
        f"  - {{name: web, profile: pem, folder: {folder}/web, reload: {{command: ['true']}}}}\n"
        f"entries:\n  - {{id: /me, selectors: ['unix:uid:{os.geteuid()}']}}\n"
        f"  - {{id: /web, selectors: ['output:web'], ttl: 10s}}\n{many}"
    )


@pytest.fixture
def agent() -> Iterator[AgentProcess]:
    """Run one as somebody whom limits hold for: not as root."""
    with (
        ordinary_user.folder() as folder,
        AgentProcess(folder, config(folder), as_ordinary=True).running() as agent,
    ):
        yield agent


@contextmanager
def no_process_left(agent: AgentProcess) -> Iterator[None]:
    soft, _ = resource.getrlimit(resource.RLIMIT_NPROC)
    _limit(agent, "1")
    try:
        yield
    finally:
        _limit(agent, "unlimited" if soft == resource.RLIM_INFINITY else str(soft))


def _limit(agent: AgentProcess, soft: str) -> None:
    who: dict[str, Any] = {}
    if os.geteuid() == 0:
        who = {"user": other_user.UID, "group": other_user.UID, "extra_groups": []}
    subprocess.run(["prlimit", f"--nproc={soft}:", f"--pid={agent.pid}"], check=True, **who)


def test_it_serves_and_goes_on_with_the_rest_once_there_is_room(agent: AgentProcess) -> None:
    with no_process_left(agent), ThreadPoolExecutor(_ASKING) as pool:
        asked = [pool.submit(ask, agent.admin_socket, "reload") for _ in range(_ASKING)]
        assert [each.result() for each in asked] == [{"entries": _ENTRIES + 2}] * _ASKING
        wait_until(lambda: _NO_ROOM in agent.log.read_text(), 60)
        address = f"--socket=unix://{agent.socket}"
        found = json.loads(agent.command("api", "fetch", "x509", "--output=json", address))
        assert [svid["spiffe_id"] for svid in found["svids"]] == ["spiffe://prod.example/me"]
    known = agent.log.read_text().count("files are deployed")
    wait_until(lambda: agent.log.read_text().count("files are deployed") > known, 60)
    _limit(agent, "1")
    assert agent.stop() == 0
