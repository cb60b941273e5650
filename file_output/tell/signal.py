"""A signal to the process that a pid file names."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from accredit.attestation.process import Process, opened
from accredit.file_output.tell.heeds import handles, handles_now
from accredit.file_output.tell.pid_file import NoPidNowError, PidFile, read_pid_file
from accredit.file_output.tell.way import Written
from accredit.identity.errors import AttestationError, DeployError

# HAProxy, for one, removes its pid file and writes it anew in the middle of each reload. A signal
# that comes while it starts ends it, and one that comes during a reload is lost: it is held back
# first, and then thrown away when it is ignored for a moment.
_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8)
_RELOADS = frozenset({signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2})
_SLACK_SECONDS = 2  # ticks, and file systems that keep whole seconds

_Heeded = Callable[[bytes, signal.Signals], bool]


@dataclass(frozen=True, slots=True)
class Signal:
    """``number`` to whoever the pid file names at that moment.

    A stale pid file names a stranger by now. So ``program`` is the file name of what the process
    must be running; without it, the process must have started before its pid file was written.
    While it names nobody, or somebody busy with the last reload, it is looked at again after each
    of ``pauses``, in seconds.
    """

    pid_file: str
    number: signal.Signals = signal.SIGHUP
    program: str = ""
    pauses: tuple[float, ...] = _PAUSES

    async def tell(self, written: Written) -> None:
        """Send it."""
        path = Path(written.fill(self.pid_file))
        for pause in self.pauses:
            with suppress(NoPidNowError):
                if await asyncio.to_thread(self._send, path, handles_now):
                    return
            await asyncio.sleep(pause)
        if not await asyncio.to_thread(self._send, path, handles):
            raise DeployError(
                f"{path}: that process does not handle {self.number.name}, which could even end it;"
                " choose the signal that reloads it"
            )

    def _send(self, path: Path, heeded: _Heeded) -> bool:
        """Send it to a process that heeds it, or return False."""
        file = read_pid_file(path)
        try:
            pidfd = os.pidfd_open(file.pid)
        except ProcessLookupError:
            raise _gone(path, file) from None
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise DeployError(f"{path}: process {file.pid} cannot be told: {reason}") from None
        try:
            with opened(file.pid, pidfd) as process, _allowed(path, file):
                self._check(path, file, process)
                if self.number in _RELOADS and not heeded(process.read("status"), self.number):
                    return False
                signal.pidfd_send_signal(pidfd, self.number)
        except (AttestationError, ProcessLookupError):
            raise _gone(path, file) from None
        finally:
            os.close(pidfd)
        return True

    def _check(self, path: Path, file: PidFile, process: Process) -> None:
        if file.uid not in {0, os.geteuid(), process.ids().uids[1]}:
            raise DeployError(
                f"{path}: belongs to uid {file.uid}, who is neither root, nor we, nor the program"
            )
        if self.program:
            self._check_program(path, process)
        elif _started(process) > file.written + _SLACK_SECONDS:
            raise DeployError(_stale(path, f"process {file.pid} started after it was written"))

    def _check_program(self, path: Path, process: Process) -> None:
        found = os.fsdecode(process.executable_link()).removesuffix(" (deleted)")
        if Path(found).name != self.program:
            reason = f"process {process.pid} runs {found}, not {self.program}"
            raise DeployError(_stale(path, reason))

    def __str__(self) -> str:
        return f"{self.number.name} to {self.pid_file}"


@contextmanager
def _allowed(path: Path, file: PidFile) -> Iterator[None]:
    try:
        yield
    except PermissionError:
        raise DeployError(
            f"{path}: process {file.pid} belongs to another user; run accredit as root or as"
            " that user, or tell the program by a command"
        ) from None


def _gone(path: Path, file: PidFile) -> NoPidNowError:
    return NoPidNowError(_stale(path, f"process {file.pid} is gone"))


def _stale(path: Path, reason: str) -> str:
    return f"{path}: is stale: {reason}; start the program"


def _started(process: Process) -> float:
    """Return when the process started, in seconds since the epoch."""
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith("btime "):
            return int(line.split()[1]) + process.start_time() / os.sysconf("SC_CLK_TCK")
    return 0.0
