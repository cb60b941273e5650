"""A running agent that every user of the machine can reach."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support import process_facts
from support.agent_process import AgentProcess
from support.eventually import wait_until
from support.hostile import asking
from support.hostile.channel import channel
from support.hostile.puppet import connected


@contextmanager
def open_to_all(config: str) -> Iterator[AgentProcess]:
    """Run it in a folder that others can enter, as they cannot those of pytest."""
    folder = Path(tempfile.mkdtemp(prefix="accredit-"))
    folder.chmod(0o755)
    try:
        with AgentProcess(folder, config).running() as agent:
            yield agent
    finally:
        shutil.rmtree(folder)


@contextmanager
def nothing_left_open(agent: AgentProcess, seconds: float = 30) -> Iterator[None]:
    """Require that the agent has no more files open afterwards, or soon, than before."""
    before = _settled(agent)
    yield
    wait_until(lambda: len(process_facts.open_files(agent.pid)) <= before, seconds)


def _settled(agent: AgentProcess) -> int:
    """Return how many files it has open once what others left has been closed."""
    counts = [-1, len(process_facts.open_files(agent.pid))]
    while counts[-1] != counts[-2]:
        time.sleep(0.2)
        counts.append(len(process_facts.open_files(agent.pid)))
    return counts[-1]


@contextmanager
def memory_back(agent: AgentProcess, within: int) -> Iterator[None]:
    """Require that the agent has not grown by ``within`` bytes or more afterwards."""
    require_served(agent)  # whatever is loaded once, is
    before = process_facts.memory(agent.pid)
    yield
    require_served(agent)
    grown = process_facts.memory(agent.pid) - before
    assert grown < within, f"{grown} bytes more"


def require_served(agent: AgentProcess) -> None:
    """Require that a new caller of ours gets its identity."""
    with connected(agent.socket) as (_, sock), channel(sock) as speaking:
        assert asking.x509(speaking, seconds=60)
