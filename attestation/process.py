"""The ``/proc`` folder of one process, held open so that nothing of a successor can be read.

A pid names whoever has it now. The folder, opened while a pidfd shows its process alive, belongs
to that process for good: once it is gone, reads fail. So every look is one sequence: open, alive,
read, alive. Whoever breaks that order may be reading about a stranger.
"""

from __future__ import annotations

import errno
import os
import select
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from accredit.attestation import proc
from accredit.attestation.kernel import file_identity
from accredit.identity.errors import AttestationError, UnavailableError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
DELETED = b" (deleted)"
OUT_OF_RESOURCES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Executable(NamedTuple):
    """The file a process runs: where its link points, and which file that is."""

    link: bytes
    device: int
    inode: int

    def is_same_as(self, earlier: Executable) -> bool:
        """Whether this is the file seen before, even if it has been unlinked since.

        An upgrade replaces the files of running programs; they remain who they are.
        """
        return self[1:] == earlier[1:] and self.link in {earlier.link, earlier.link + DELETED}


class Process:
    """A live process; what is read through it is its own. Its pidfd is borrowed."""

    __slots__ = ("_folder", "pid", "pidfd")

    def __init__(self, pid: int, pidfd: int, folder: int) -> None:
        self.pid = pid
        self.pidfd = pidfd
        self._folder = folder

    def require_alive(self) -> None:
        """Raise AttestationError once the process has exited, reaped or not."""
        if has_exited(self.pidfd):
            raise AttestationError(f"caller {self.pid} has exited")

    def read(self, name: str) -> bytes:
        """Return a file of the folder, up to a mebibyte of it."""
        return proc.read(self._folder, name)

    def open(self, name: str, flags: int = os.O_RDONLY) -> int:
        """Return a descriptor, for the caller to close, on a file of the folder."""
        return os.open(name, flags | os.O_CLOEXEC, dir_fd=self._folder)

    def ids(self) -> proc.Ids:
        """Return its user and group ids as they are now."""
        return proc.parse_ids(self.read("status"))

    def start_time(self) -> int:
        """Return when it started, in clock ticks since boot."""
        return proc.parse_start_time(self.read("stat"))

    def namespace(self, kind: str) -> tuple[int, int]:
        """Return which namespace of one ``kind``, such as ``user``, it lives in."""
        found = os.stat(f"ns/{kind}", dir_fd=self._folder)
        return found.st_dev, found.st_ino

    def executable_link(self) -> bytes:
        """Return where the link to its program points, as seen through its own mounts."""
        return os.readlink(b"exe", dir_fd=self._folder)

    def executable(self) -> Executable | None:
        """Return the file it runs, or None where the kernel does not let us see it.

        For the processes of other users that takes root or CAP_SYS_PTRACE.
        """
        try:
            return Executable(self.executable_link(), *file_identity(self._folder, "exe"))
        except OSError:
            return None


class HeldPidfd:
    """A pidfd that closes with its last user, who may be a thread."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number

    def __del__(self) -> None:
        os.close(self.number)


def has_exited(pidfd: int) -> bool:
    """Whether the process behind ``pidfd`` has exited, reaped or not."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(0))


@contextmanager
def opened(pid: int, pidfd: int) -> Iterator[Process]:
    """Open the folder of the process that ``pidfd`` holds; it is alive on entry and on exit.

    Raises:
        AttestationError: it has exited, or its folder cannot be read.
        UnavailableError: this process is out of file descriptors or memory.
    """
    try:
        folder = os.open(f"/proc/{pid}", _FOLDER)
    except OSError as error:
        raise _failure(pid, pidfd, error) from error
    try:
        process = Process(pid, pidfd, folder)
        process.require_alive()
        yield process
        process.require_alive()
    except (OSError, ValueError) as error:
        raise _failure(pid, pidfd, error) from error
    finally:
        os.close(folder)


def _failure(pid: int, pidfd: int, error: OSError | ValueError) -> Exception:
    if isinstance(error, OSError) and error.errno in OUT_OF_RESOURCES:
        return UnavailableError(f"cannot look at caller {pid}: {error.strerror}")
    if has_exited(pidfd):
        return AttestationError(f"caller {pid} has exited")
    if isinstance(error, OSError) and error.errno == errno.ENOENT:
        return AttestationError(
            f"/proc/{pid} is hidden from us: mount /proc without hidepid, or run as root"
        )
    return AttestationError(f"cannot read /proc/{pid}: {error}")
