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
def nothing_left_open(agent: AgentProcess, seconds: float = 10) -> Iterator[None]:
    """Require that the agent has as many files open afterwards, or soon, as before."""
    before = process_facts.open_files(agent.pid)
    yield
    deadline = time.monotonic() + seconds
    while len(now := process_facts.open_files(agent.pid)) != len(before):
        assert time.monotonic() < deadline, f"before: {before}\nnow: {now}"
        time.sleep(0.05)
