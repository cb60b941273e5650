"""Starting what is measured, and asking the kernel what it takes."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[1]
_READY_SECONDS = 30.0


@dataclass(frozen=True)
class Usage:
    """What one process has taken up to now; of memory, at this moment."""

    cpu_seconds: float
    rss_kib: int


class Server:
    """A process that serves on ``socket``."""

    def __init__(self, process: subprocess.Popen[bytes], socket: Path, started: float) -> None:
        self.socket = socket
        self.started = started
        self._process = process

    def usage(self) -> Usage:
        """Return what it has taken."""
        folder = Path(f"/proc/{self._process.pid}")
        tasks = (folder / "task").iterdir()
        on_cpu = sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)
        rollup = (folder / "smaps_rollup").read_text()
        (rss,) = (line.split()[1] for line in rollup.splitlines() if line.startswith("Rss:"))
        return Usage(on_cpu / 1e9, int(rss))

    def peak_kib(self) -> int:
        """Return the most memory it has had at any moment."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        (peak,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(peak)

    def settled(self) -> Usage:
        """Return what it has taken once it has nothing more to do."""
        before = self.usage()
        for _ in range(100):
            time.sleep(0.3)
            now = self.usage()
            if now.cpu_seconds - before.cpu_seconds < 0.003:
                return now
            before = now
        return before

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)


@contextmanager
def serving(command: list[str], socket: Path, log: Path) -> Iterator[Server]:
    """Run ``python -m`` with a command that serves on ``socket``, compiled as once installed."""
    environment = {**os.environ}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # every start would compile every module
    started = time.monotonic()
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", *command],
            cwd=_ROOT,
            env=environment,
            stdout=output,
            stderr=output,
        )
    try:
        yield Server(process, socket, started)
    except BaseException:
        sys.stderr.write(log.read_text())
        raise
    finally:
        process.terminate()
        process.wait(_READY_SECONDS)


class Client:
    """A load client; see bench/client.py for its commands."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def do(self, command: str, **arguments: object) -> Any:
        """Have it do a command; return the answer."""
        self.begin(command, **arguments)
        return self.end(command)

    def begin(self, command: str, **arguments: object) -> None:
        """Have it begin a command."""
        assert self._process.stdin  # noqa: S101  for mypy: both are pipes
        self._process.stdin.write(json.dumps([command, arguments]) + "\n")
        self._process.stdin.flush()

    def end(self, command: str) -> Any:
        """Wait for the command it began; return the answer."""
        assert self._process.stdout  # noqa: S101  for mypy, see above
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the load client failed at {command!r}: its error is above")
        return json.loads(answer)


@contextmanager
def client(socket: Path) -> Iterator[Client]:
    """Run a load client for the server at ``socket``."""
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "bench.client", str(socket)],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Client(process)
    finally:
        process.communicate()


def raise_file_limit() -> int:
    """Let this process and its children open as many files as they may; returns how many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
