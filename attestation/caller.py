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
from accredit.attestation.process import (
    OUT_OF_RESOURCES,
    Executable,
    HeldPidfd,
    Process,
    opened,
)
from accredit.identity.errors import AttestationError, UnavailableError

_SO_PEERPIDFD = 77  # asm-generic/socket.h, Linux 6.5; the socket module does not name it
_CREDENTIALS = struct.Struct("iII")
_ALL_IDS = (1 << 32) - 1


class KernelCaller:
    """The process that connected, as the kernel knows it; made by :func:`identify`.

    It borrows the socket, whose owner closes it; from then on every check refuses. One that has not
    connected is made by :func:`~accredit.attestation.observed.observe`, and held by a pidfd.
    """

    __slots__ = ("_executable", "_held", "_socket", "gid", "pid", "start_time", "uid")

    def __init__(
        self,
        sock: socket.socket | None,
        pid: int,
        uid: int,
        gid: int,
        held: HeldPidfd | None = None,
    ) -> None:
        self.pid = pid
        self.uid = uid
        self.gid = gid
        self._socket = sock
        self._held = held
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
            if self._held is not None and process.start_time() != self.start_time:
                raise AttestationError(f"caller {self.pid} has been replaced")
            yield process

    @contextmanager
    def _process(self) -> Iterator[Process]:
        pidfd = self._pidfd()
        try:
            with opened(self.pid, pidfd.number) as process:
                yield process
        finally:
            del pidfd  # else an error's traceback would hold it, and who keeps the error

    def _pidfd(self) -> HeldPidfd:
        # The socket pins the process, so its pidfd can be had again at any time, and no connection
        # needs to hold one; but for kernels before 6.5.
        if self._held is not None and (self._socket is None or self._socket.fileno() >= 0):
            return self._held
        if self._socket is None:
            raise AttestationError(f"process {self.pid} is not held")
        try:
            return HeldPidfd(self._socket.getsockopt(socket.SOL_SOCKET, _SO_PEERPIDFD))
        except OSError as error:
            if error.errno != errno.ENOPROTOOPT:
                raise _no_pidfd(self.pid, error) from error
        self._held = _open_pidfd(self.pid)
        return self._held

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
    if uid in unmapped("uid") or gid in unmapped("gid"):
        raise AttestationError(f"caller {pid} has a user or group unknown in this user namespace")
    return KernelCaller(sock, pid, uid, gid)


def _open_pidfd(pid: int) -> HeldPidfd:
    """Second best: the pid may have been given to another process since it connected."""
    try:
        return HeldPidfd(os.pidfd_open(pid))
    except OSError as error:
        raise _no_pidfd(pid, error) from error


def _no_pidfd(pid: int, error: OSError) -> Exception:
    if error.errno in OUT_OF_RESOURCES:
        return UnavailableError(f"cannot look at caller {pid}: {error.strerror}")
    # EINVAL or ESRCH for a dead peer, EBADF once our end is closed.
    return AttestationError(f"caller {pid} is gone")


@cache
def unmapped(kind: str) -> frozenset[int]:
    """Return the id that stands for every id our user namespace has no name for.

    Where all are mapped, as on a plain host, that number is an ordinary account: nobody.
    """
    ranges = Path(f"/proc/self/{kind}_map").read_text().splitlines()
    if sum(int(line.split()[2]) for line in ranges) >= _ALL_IDS:
        return frozenset()
    return frozenset({int(Path(f"/proc/sys/kernel/overflow{kind}").read_text())})
