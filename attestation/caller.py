"""Who is at the other end of an accepted socket: the kernel's word, never the caller's.

User and group come from SO_PEERCRED, the process from SO_PEERPIDFD. Neither notices an execve,
and a set-uid program keeps pid and socket while its ids change; so ids and executable are looked
at again whenever the caller asks for something, and any change is a refusal.

What no check here can tell: a process may hand its socket to another one and stay alive, or run
a program it does not own under a debugger. Path and hash therefore only tell apart programs that
the other users of this machine cannot start; an entry should name a uid beside them.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from accredit.attestation.proc import Ids
from accredit.attestation.process import Executable, Process, opened
from accredit.identity.errors import AttestationError, UnavailableError

_SO_PEERPIDFD = 77  # asm-generic/socket.h, Linux 6.5; the socket module does not name it
_CREDENTIALS = struct.Struct("iII")
_ALL_IDS = (1 << 32) - 1


class KernelCaller:
    """The process that connected, as the kernel knows it.

    It borrows the socket, whose owner closes it; from then on every check refuses.
    """

    __slots__ = ("_executable", "_pidfd", "_socket", "gid", "pid", "start_time", "uid")

    def __init__(self, sock: socket.socket, pid: int, uid: int, gid: int) -> None:
        self.pid = pid
        self.uid = uid
        self.gid = gid
        self._socket = sock
        self._pidfd = _pidfd_to_keep(sock, pid)
        self.start_time = 0
        self._executable: Executable | None = None

    def close(self) -> None:
        """Give back what is held; idempotent."""
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1

    def observe(self) -> None:
        """Remember start time and executable, for later checks to compare with."""
        with self._process() as process:
            self._require_ids(process.ids())
            self.start_time = process.start_time()
            self._executable = process.executable()

    def require_same(self) -> None:
        """Raise AttestationError unless it lives, with the ids and executable it connected with."""
        with self.opened():
            pass

    @contextmanager
    def opened(self) -> Iterator[Process]:
        """Give access to the caller's ``/proc`` folder, having checked that it is the same.

        Raises:
            AttestationError: it has exited or changed, before or meanwhile.
            UnavailableError: this process is out of file descriptors or memory.
        """
        with self._process() as process:
            self._require_ids(process.ids())
            self._require_executable(process.executable())
            if self._pidfd >= 0 and process.start_time() != self.start_time:
                raise AttestationError(f"caller {self.pid} has been replaced")
            yield process

    @contextmanager
    def _process(self) -> Iterator[Process]:
        if self._pidfd >= 0:
            with opened(self.pid, self._pidfd) as process:
                yield process
            return
        # The socket pins the process, so its pidfd can be had again at any time: no connection
        # needs to hold one.
        pidfd = _peer_pidfd(self._socket, self.pid)
        try:
            with opened(self.pid, pidfd) as process:
                yield process
        finally:
            os.close(pidfd)

    def _require_ids(self, ids: Ids) -> None:
        if ids.uids[:2] != (self.uid, self.uid) or ids.gids[:2] != (self.gid, self.gid):
            raise AttestationError(
                f"caller {self.pid} does not have the user and group it connected with"
            )

    def _require_executable(self, executable: Executable | None) -> None:
        then = self._executable
        if executable is None or then is None:
            same = executable is then
        else:
            same = executable.is_same_as(then)
        if not same:
            raise AttestationError(f"caller {self.pid} runs another program than when it connected")


def identify(sock: socket.socket) -> KernelCaller:
    """Return who connected the accepted Unix socket ``sock``.

    Raises:
        AttestationError: it has exited, changed its ids, or is not visible from here.
        UnavailableError: this process is out of file descriptors or memory.
    """
    pid, uid, gid = _CREDENTIALS.unpack(
        sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    )
    if pid <= 0:
        raise AttestationError("caller is outside this pid namespace")
    if uid in _unmapped("uid") or gid in _unmapped("gid"):
        raise AttestationError(f"caller {pid} has a user or group unknown in this user namespace")
    caller = KernelCaller(sock, pid, uid, gid)
    try:
        caller.observe()
    except BaseException:
        caller.close()
        raise
    return caller


def _pidfd_to_keep(sock: socket.socket, pid: int) -> int:
    """Return -1 where the socket itself can be asked again, as it can since Linux 6.5."""
    try:
        os.close(_peer_pidfd(sock, pid))
    except NotImplementedError:
        return _open_pidfd(pid)
    return -1


def _peer_pidfd(sock: socket.socket, pid: int) -> int:
    try:
        return sock.getsockopt(socket.SOL_SOCKET, _SO_PEERPIDFD)
    except OSError as error:
        if error.errno == errno.ENOPROTOOPT:
            raise NotImplementedError from error
        if error.errno in {errno.EMFILE, errno.ENFILE, errno.ENOMEM}:
            raise UnavailableError(f"cannot look at caller {pid}: {error.strerror}") from error
        # EINVAL for a dead peer before Linux 6.18, EBADF once our end is closed.
        raise AttestationError(f"caller {pid} is gone") from error


def _open_pidfd(pid: int) -> int:
    """Second best: the pid may have been given to another process since it connected."""
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError as error:
        raise AttestationError(f"caller {pid} is gone") from error
    except OSError as error:
        raise UnavailableError(f"cannot look at caller {pid}: {error.strerror}") from error


@cache
def _unmapped(kind: str) -> frozenset[int]:
    """Return the id that stands for every id our user namespace has no name for.

    Where all are mapped, as on a plain host, that number is an ordinary account: nobody.
    """
    ranges = Path(f"/proc/self/{kind}_map").read_text().splitlines()
    if sum(int(line.split()[2]) for line in ranges) >= _ALL_IDS:
        return frozenset()
    return frozenset({int(Path(f"/proc/sys/kernel/overflow{kind}").read_text())})
