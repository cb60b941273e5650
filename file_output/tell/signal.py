"""A signal to the process that a pid file names."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import dataclass
from pathlib import Path

from accredit.attestation.process import Process, opened
from accredit.file_output.tell.pid_file import PidFile, read_pid_file
from accredit.file_output.tell.way import Written
from accredit.identity.errors import AttestationError, DeployError

_SLACK_SECONDS = 2  # ticks, and file systems that keep whole seconds


@dataclass(frozen=True, slots=True)
class Signal:
    """``number`` to whoever the pid file names at that moment.

    A stale pid file names a stranger by now. So ``program`` is the file name of what the process
    must be running; without it, the process must have started before its pid file was written.
    """

    pid_file: str
    number: signal.Signals = signal.SIGHUP
    program: str = ""

    async def tell(self, written: Written) -> None:
        """Send it."""
        await asyncio.to_thread(self._send, Path(written.fill(self.pid_file)))

    def _send(self, path: Path) -> None:
        file = read_pid_file(path)
        try:
            pidfd = os.pidfd_open(file.pid)
        except ProcessLookupError:
            raise _stale(path, f"process {file.pid} is gone") from None
        try:
            with opened(file.pid, pidfd) as process:
                self._check(path, file, process)
                signal.pidfd_send_signal(pidfd, self.number)
        except (AttestationError, ProcessLookupError):
            raise _stale(path, f"process {file.pid} is gone") from None
        except PermissionError:
            raise DeployError(
                f"{path}: process {file.pid} belongs to another user; run accredit as root or as"
                " that user, or tell the program by a command"
            ) from None
        finally:
            os.close(pidfd)

    def _check(self, path: Path, file: PidFile, process: Process) -> None:
        if file.uid not in {0, os.geteuid(), process.ids().uids[1]}:
            raise DeployError(
                f"{path}: belongs to uid {file.uid}, who is neither root, nor we, nor the program"
            )
        if self.program:
            self._check_program(path, process)
        elif _started(process) > file.written + _SLACK_SECONDS:
            raise _stale(path, f"process {file.pid} started after it was written")

    def _check_program(self, path: Path, process: Process) -> None:
        found = os.fsdecode(process.executable_link()).removesuffix(" (deleted)")
        if Path(found).name != self.program:
            raise _stale(path, f"process {process.pid} runs {found}, not {self.program}")

    def __str__(self) -> str:
        return f"{self.number.name} to {self.pid_file}"


def _stale(path: Path, reason: str) -> DeployError:
    return DeployError(f"{path}: is stale: {reason}; start the program")


def _started(process: Process) -> float:
    """Return when the process started, in seconds since the epoch."""
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith("btime "):
            return int(line.split()[1]) + process.start_time() / os.sysconf("SC_CLK_TCK")
    return 0.0
