"""A process that has not connected, as it would be known if it did now.

For people who ask what it would get; nothing is ever delivered to it.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

from accredit.attestation.caller import KernelCaller, unmapped
from accredit.attestation.proc import is_kernel_thread, parse_inner_pids, parse_thread_group
from accredit.attestation.process import OUT_OF_RESOURCES, HeldPidfd, Process, opened
from accredit.identity.errors import AttestationError, UnavailableError

_MOST_NAMED = 5


def observe(pid: int, *, look_inside: bool = True) -> KernelCaller:
    """Return process ``pid``; what it would be refused for is refused here in the same way.

    Where there is none, ``look_inside`` looks for one that has this pid inside a container, so that
    the error can tell; that takes a look at every process.

    Raises:
        AttestationError: there is none, it is no process with an identity, or not for us to see.
        UnavailableError: this process is out of file descriptors or memory.
    """
    held = _hold(pid, look_inside=look_inside)
    with opened(pid, held.number) as process:
        uid, gid = ids_of(process)
    return KernelCaller(None, pid, uid, gid, held)


def ids_of(process: Process) -> tuple[int, int]:
    """Return user and group of a process that would be served if it connected.

    Raises:
        AttestationError: it would be refused.
    """
    if is_kernel_thread(process.read("stat")):
        raise AttestationError(f"process {process.pid} is a thread of the kernel")
    ids = process.ids()
    (uid, effective_uid), (gid, effective_gid) = ids.uids[:2], ids.gids[:2]
    if (uid, gid) != (effective_uid, effective_gid):
        raise AttestationError(
            f"process {process.pid} runs with other ids (uid {effective_uid}, gid {effective_gid})"
            f" than those of its user (uid {uid}, gid {gid}), as a set-uid program does: it is"
            " refused"
        )
    if uid in unmapped("uid") or gid in unmapped("gid"):
        raise AttestationError(
            f"process {process.pid} has a user or group unknown in this user namespace: it is"
            " refused"
        )
    return uid, gid


def live_pids() -> Iterator[int]:
    """Yield every pid there is just now."""
    yield from (int(each.name) for each in Path("/proc").iterdir() if each.name.isdecimal())


def _hold(pid: int, *, look_inside: bool) -> HeldPidfd:
    try:
        return HeldPidfd(os.pidfd_open(pid))
    except (OSError, OverflowError) as error:
        if isinstance(error, OSError) and error.errno in OUT_OF_RESOURCES:
            raise UnavailableError(f"cannot look at process {pid}: {error.strerror}") from error
        raise AttestationError(_why_none(pid, look_inside=look_inside)) from error


def _why_none(pid: int, *, look_inside: bool) -> str:
    leader = _leader(pid)
    if leader is not None and leader != pid:
        return f"{pid} is a thread; its process is {leader}"
    outer = list(_known_inside(pid)) if look_inside else []
    if not outer:
        return f"there is no process {pid}"
    shown = ", ".join(map(str, outer[:_MOST_NAMED]))
    more = " and others" if len(outer) > _MOST_NAMED else ""
    return f"there is no process {pid} here; inside a container it is the pid of {shown}{more} here"


def _leader(pid: int) -> int | None:
    try:
        return parse_thread_group(Path(f"/proc/{pid}/status").read_bytes())
    except (OSError, ValueError):
        return None


def _known_inside(pid: int) -> Iterator[int]:
    for outer in live_pids():
        try:
            status = Path(f"/proc/{outer}/status").read_bytes()
        except OSError as error:
            if error.errno in {errno.ENOENT, errno.ESRCH, errno.EACCES, errno.EPERM}:
                continue
            return
        if pid in parse_inner_pids(status)[1:]:
            yield outer
