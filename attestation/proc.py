"""What ``/proc/PID`` says: bounded reads and pure parsers."""

from __future__ import annotations

import os
from dataclasses import dataclass

MAX_BYTES = 1 << 20

# proc(5) counts from 1, and the first field after the name is the third.
_PARENT = 4 - 3
_FLAGS = 9 - 3
_START_TIME = 22 - 3
_KERNEL_THREAD = 0x00200000  # PF_KTHREAD, linux/sched.h


@dataclass(frozen=True, slots=True)
class Ids:
    """User and group ids as ``/proc/PID/status`` has them: real, effective, saved, filesystem."""

    uids: tuple[int, ...]
    gids: tuple[int, ...]
    groups: tuple[int, ...]


def read(folder: int, name: str, limit: int = MAX_BYTES) -> bytes:
    """Return the file ``name`` in the folder that ``folder`` is open on.

    Raises:
        OSError: it cannot be read; ESRCH or ENOENT once the process is gone.
        ValueError: it is longer than ``limit`` bytes.
    """
    descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
    try:
        return _read_all(descriptor, name, limit)
    finally:
        os.close(descriptor)


def _read_all(descriptor: int, name: str, limit: int) -> bytes:
    pieces, room = [], limit + 1
    while piece := os.read(descriptor, min(room, 1 << 16)):
        pieces.append(piece)
        room -= len(piece)
        if not room:
            raise ValueError(f"{name} is longer than {limit} bytes")
    return b"".join(pieces)


def parse_start_time(stat: bytes) -> int:
    """Return when the process started, in clock ticks since boot, from ``/proc/PID/stat``.

    Raises:
        ValueError: this is no such file.
    """
    return int(_fields(stat)[_START_TIME])


def parse_parent(stat: bytes) -> int:
    """Return the pid of the parent, from ``/proc/PID/stat``; 0 if it is not in our namespace.

    Raises:
        ValueError: this is no such file.
    """
    return int(_fields(stat)[_PARENT])


def is_kernel_thread(stat: bytes) -> bool:
    """Tell whether it is a part of the kernel, from ``/proc/PID/stat``.

    Raises:
        ValueError: this is no such file.
    """
    return bool(int(_fields(stat)[_FLAGS]) & _KERNEL_THREAD)


def parse_thread_group(status: bytes) -> int:
    """Return the pid of the process a thread belongs to, from ``/proc/TID/status``.

    Raises:
        ValueError: this is no such file.
    """
    (found,) = _numbers(status, b"Tgid")
    return found


def parse_inner_pids(status: bytes) -> tuple[int, ...]:
    """Return the pids it has in our namespace and each one below, from ``/proc/PID/status``."""
    return _numbers(status, b"NSpid")


def parse_ids(status: bytes) -> Ids:
    """Return the user and group ids from ``/proc/PID/status``.

    Raises:
        ValueError: this is no such file.
    """
    uids, gids = _numbers(status, b"Uid"), _numbers(status, b"Gid")
    if len(uids) != 4 or len(gids) != 4:
        raise ValueError("no user and group ids in status")
    return Ids(uids, gids, _numbers(status, b"Groups"))


def _fields(stat: bytes) -> list[bytes]:
    # The name of the program may hold blanks and parentheses; what follows the last one cannot.
    fields = stat.rpartition(b")")[2].split()
    if len(fields) <= _START_TIME:
        raise ValueError("no start time in stat")
    return fields


def _numbers(status: bytes, key: bytes) -> tuple[int, ...]:
    # The kernel escapes newlines in the one field a process chooses, its name.
    found = status.partition(b"\n" + key + b":\t")[2]
    return tuple(int(number) for number in found.partition(b"\n")[0].split())
