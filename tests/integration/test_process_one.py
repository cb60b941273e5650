"""An agent as process 1, as in a container that was started without an init."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import needs
from support.agent_process import AgentProcess
from support.eventually import wait_until

_UNSHARE = ("unshare", "--fork", "--pid", "--mount-proc", "--kill-child")
_STARTING = """
import time
from accredit.agent import long_life
long_life.begin()
print(flush=True)
time.sleep(600)
"""

pytestmark = pytest.mark.root


@pytest.fixture(autouse=True)
def _root() -> None:
    needs.root()  # only root has namespaces everywhere


def config(folder: Path) -> str:
    orphan = f"setsid sh -c 'echo > {folder}/ran' &"
    return (
        "trust_domain: prod.example\n"
        "entries:\n  - {id: /web, selectors: ['output:web']}\n"
        f"outputs:\n  - {{name: web, profile: pem, folder: {folder}/web,"
        f' reload: {{command: [sh, -c, "{orphan}"]}}}}\n'
    )


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[AgentProcess]:
    with AgentProcess(tmp_path, config(tmp_path)).running(prefix=_UNSHARE) as agent:
        yield agent


def children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_nothing_is_left_of_what_a_command_left_behind(agent: AgentProcess) -> None:
    wait_until((agent.folder / "ran").exists, 60)
    [first] = children(agent.pid)
    wait_until(lambda: not children(first), 60)


def test_a_signal_ends_it_though_it_has_only_begun_to_start() -> None:
    command = [*_UNSHARE, sys.executable, "-c", _STARTING]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        [first] = children(process.pid)
        subprocess.run(["kill", "-TERM", str(first)], check=True)
        assert process.wait(60) == 128 + 15
