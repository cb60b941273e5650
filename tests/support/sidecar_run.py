"""A real ``accredit envoy run``, as a child process with a folder of its own."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from support.envoy_admin import EnvoyAdmin
from support.envoy_process import own_copy
from support.eventually import wait_until


class SidecarRun(EnvoyAdmin):
    """One sidecar in ``folder``, which is made; its Envoy has a path of its own there.

    ``said`` collects what it tells its supervisor.
    """

    def __init__(self, folder: Path, content: str, *arguments: str) -> None:
        super().__init__(str(folder / "admin.sock"))
        folder.mkdir(mode=0o700)
        self.folder = folder
        self.file = folder / f"{folder.name}.yaml"
        self.log = folder / "log"
        self.said: list[str] = []
        self._program = own_copy(folder)
        self._arguments = arguments
        # A Python, and what else Popen takes.
        self.starter: tuple[Sequence[str | Path], dict[str, Any]] = (
            [sys.executable],
            {"env": dict(os.environ)},
        )
        self._process: subprocess.Popen[bytes] | None = None
        self._supervisor: socket.socket | None = None
        self.write(content)

    def write(self, content: str) -> None:
        """Replace the file as editors do."""
        new = self.file.with_suffix(".new")
        if not content.startswith("sidecar:\n"):
            content = f"sidecar:\n  trust_domain: td.example\n{content}"
        admin = f"sidecar:\n  admin: {self.admin_socket}\n"
        new.write_text(content.replace("sidecar:\n", admin, 1))
        new.replace(self.file)

    @contextlib.contextmanager
    def running(self, output: int | None = None) -> Iterator[SidecarRun]:
        """Run it until the block ends; ``output`` takes what goes into the log otherwise."""
        self.start(output)
        try:
            yield self
        finally:
            self.kill()
            # What was killed left it; another start would have removed it.
            for _ in self.folder.glob("envoy-*/base_id"):
                self.shared_memory().unlink(missing_ok=True)

    def start(self, output: int | None = None) -> None:
        address = f"\0accredit-{os.getpid()}-{self.folder}"
        self._supervisor = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._supervisor.bind(address)
        command, how = self.starter
        how["env"]["NOTIFY_SOCKET"] = "@" + address[1:]
        chosen: list[str | Path] = ["--envoy", self._program, "--concurrency", "1"]
        further = [*self._arguments, "--", "--file-flush-interval-msec", "100"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "-m", "accredit", "envoy", "run", self.file, *chosen, *further],
                stdout=log if output is None else output,
                stderr=log if output is None else output,
                **how,
            )

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def wait(self, seconds: float = 60) -> int:
        """Return its exit code once it has ended."""
        assert self._process is not None
        return self._process.wait(seconds)

    def kill(self) -> None:
        """End it as a crash would; without effect on one that has ended."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        if self._supervisor is not None:
            self._supervisor.close()
            self._supervisor = None

    def hear(self) -> list[str]:
        """Return all that it has told its supervisor so far."""
        assert self._supervisor is not None
        with contextlib.suppress(BlockingIOError):
            while True:
                self.said.append(self._supervisor.recv(4096, socket.MSG_DONTWAIT).decode())
        return self.said

    def times_ready(self) -> int:
        return sum("READY=1" in each for each in self.hear())

    def wait_until_serving(self, times: int = 1, seconds: float = 60) -> None:
        """Return once it has said READY=1 so often."""

        def told() -> bool:
            assert self._process is not None
            assert self._process.poll() is None, self.log_text()
            return self.times_ready() >= times

        try:
            wait_until(told, seconds, f"{self.folder.name} serves")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log_text()[-4000:]}") from None

    def envoys(self) -> list[int]:
        """Return the pids of its Envoys that are alive, the oldest first."""
        return [pid for pid in self.started() if _runs(pid, self._program)]

    def started(self) -> list[int]:
        """Return the pids of all Envoys it has ever started."""
        return [int(pid) for pid in re.findall(r"Envoy started .*pid=(\d+)", self.log_text())]

    def epoch(self) -> int:
        """Return the epoch of the Envoy that answers, -1 if none does."""
        return self.stats("^server.hot_restart_epoch$").get("server.hot_restart_epoch", -1)

    def shared_memory(self) -> Path:
        """Return the file that its Envoys share."""
        (base_id,) = self.folder.glob("envoy-*/base_id")
        return Path(f"/dev/shm/envoy_shared_memory_{base_id.read_text()}0")

    def log_text(self) -> str:
        return self.log.read_text()


def _runs(pid: int, program: Path) -> bool:
    try:
        return Path(f"/proc/{pid}/exe").readlink() == program
    except OSError:
        return False
