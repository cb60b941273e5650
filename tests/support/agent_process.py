"""A real ``accredit run``, as a child process in a folder of its own."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from support import ordinary_user


class AgentProcess:
    """Starts, kills and restarts one agent; everything it has lies in ``folder``.

    With ``as_ordinary`` it runs as ``ordinary_user``, whose folder that is.
    """

    def __init__(self, folder: Path, config: str, *, as_ordinary: bool = False) -> None:
        self.folder = folder
        self.socket = folder / "run/public/api.sock"
        self.admin_socket = folder / "run/private/admin.sock"
        self.config = folder / "accredit.yaml"
        self.log = folder / "agent.log"
        head = (
            f"data_dir: {folder}/data\nsocket: {self.socket}\nadmin_socket: {self.admin_socket}\n"
        )
        self.config.write_text(head + config)
        self.config.chmod(0o600)
        self._command: Sequence[str | Path] = (sys.executable, "-m", "accredit")
        self._how: dict[str, Any] = {"env": dict(os.environ)}
        if as_ordinary:
            ordinary_user.give(self.config)
            self._command, self._how = ordinary_user.python("-m", "accredit")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(
        self, seconds: float = 60, *, prefix: Sequence[str] = (), output: int | None = None
    ) -> None:
        """Start and return once it has said READY=1; fail once it has ended, or is that late.

        ``prefix`` is a command that runs it; ``output`` takes what goes into the log otherwise.
        """
        notify = self.folder / "notify.sock"
        notify.unlink(missing_ok=True)
        with (
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver,
            self.log.open("ab") as log,
        ):
            receiver.bind(str(notify))
            notify.chmod(0o666)
            self._process = subprocess.Popen(
                [*prefix, *self._command, "run", "-c", self.config],
                stdout=log if output is None else output,
                stderr=log if output is None else output,
                **{**self._how, "env": {**self._how["env"], "NOTIFY_SOCKET": str(notify)}},
            )
            if _ready(receiver, self._process.pid, seconds):
                return
        self.kill()
        raise AssertionError(f"not ready in {seconds} s:\n{self.log.read_text()[-4000:]}")

    def kill(self) -> None:
        """End it as a crash would."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ask it to end; return its exit code."""
        return self._end(signal.SIGTERM)

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def _end(self, number: signal.Signals) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        code = self._process.wait(60)
        self._process = None
        return code

    def command(self, *arguments: str | Path, check: bool = True) -> str:
        """Run ``accredit ...`` as its operator would; return stdout."""
        done = subprocess.run(
            [sys.executable, "-m", "accredit", *arguments],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextlib.contextmanager
    def running(self, **how: Any) -> Iterator[AgentProcess]:
        """Run it meanwhile; see ``start`` for how."""
        self.start(**how)
        try:
            yield self
        finally:
            if self._process is not None:
                self.kill()


def _ready(receiver: socket.socket, pid: int, seconds: float) -> bool:
    pidfd = os.pidfd_open(pid)
    waited: list[Any] = [receiver, pidfd]
    try:
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            found, _, _ = select.select(waited, [], [], left)
            if receiver not in found:
                return False
            if b"READY=1" in receiver.recv(4096):
                return True
        return False
    finally:
        os.close(pidfd)
