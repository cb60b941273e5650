"""A real server program, as a child in a folder of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self


@dataclass
class Program:
    """Started by ``command``; its output goes to ``log`` in its folder.

    ``user`` is whom it runs as if we are root, since some programs refuse root.
    """

    folder: Path
    command: Sequence[str | Path]
    port: int
    user: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.folder / "program.log"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self, seconds: float = 30) -> None:
        """Start it and return once it listens."""
        how = as_user(self.user)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*map(str, self.command)],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env={"PATH": os.environ["PATH"] + ":/usr/sbin:/sbin", **self.environment},
                cwd=self.folder,
                start_new_session=True,
                **how,
            )
        self._wait(seconds)

    def stop(self) -> None:
        """End it and its children, as a power cut would."""
        if self.process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(20)
        self.process = None

    @contextmanager
    def running(self) -> Iterator[Self]:
        try:
            self.start()
            yield self
        finally:
            self.stop()

    def is_up(self) -> bool:
        return listens(self.port)

    def _wait(self, seconds: float) -> None:
        assert self.process is not None
        start = time.monotonic()
        while not self.is_up():
            ended = self.process.poll() is not None
            assert not ended, f"ended: {self.log.read_text()[-3000:]}"
            late = time.monotonic() - start > seconds
            assert not late, f"not up in {seconds} s: {self.log.read_text()[-3000:]}"
            time.sleep(0.05)


@contextmanager
def open_folder() -> Iterator[Path]:
    """Lend a folder that other users can enter."""
    path = Path(tempfile.mkdtemp(prefix="accredit-"))
    try:
        path.chmod(0o755)
        yield path
    finally:
        shutil.rmtree(path)


def give(path: Path, user: str) -> Path:
    """Make a folder that belongs to ``user`` if we are root."""
    path.mkdir(mode=0o755)
    if user and os.geteuid() == 0:
        shutil.chown(path, user, _group_of(user))
    return path


def as_user(user: str) -> dict[str, Any]:
    """Return what Popen takes to run a program as somebody, which only root can."""
    if not user or os.geteuid() != 0:
        return {}
    if user.isdigit():
        return {"user": int(user), "group": int(user), "extra_groups": []}
    return {"user": user, "group": _group_of(user), "extra_groups": []}


def _group_of(user: str) -> int | None:
    return pwd.getpwnam(user).pw_gid if user else None


def listens(port: int) -> bool:
    """Return whether anybody listens there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
