"""Whom a pid file means."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import NamedTuple

from accredit.identity.errors import DeployError

_MAX_BYTES = 4096
_OTHERS_WRITE = 0o022
_MAX_PID = 2**31 - 1  # as the kernel's pid_t


class NoPidNowError(DeployError):
    """It names no process at this moment: perhaps its program is writing it anew."""


class PidFile(NamedTuple):
    """The pid in it, who owns it, and when it was written, in seconds since the epoch."""

    pid: int
    uid: int
    written: float


def read_pid_file(path: Path) -> PidFile:
    """Return what the file says now; further lines, as PostgreSQL writes them, are skipped.

    Raises:
        NoPidNowError: it is missing or empty.
        DeployError: it holds no pid a signal may go to, or others can write it.
    """
    try:
        with open(path, "rb", opener=_no_link) as file:
            found = os.fstat(file.fileno())
            data = file.read(_MAX_BYTES)
    except FileNotFoundError:
        raise NoPidNowError(
            f"{path}: is missing; the program does not run, or writes it elsewhere"
        ) from None
    except OSError as error:
        raise DeployError(f"{path}: cannot be read: {(error.strerror or '').lower()}") from error
    if not stat.S_ISREG(found.st_mode):
        raise DeployError(f"{path}: is not a regular file")
    if found.st_mode & _OTHERS_WRITE:
        raise DeployError(f"{path}: can be written by others; chmod go-w it")
    return PidFile(_parse(path, data), found.st_uid, found.st_mtime)


def _no_link(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _parse(path: Path, data: bytes) -> int:
    word = data.partition(b"\n")[0].strip()
    if not word:
        raise NoPidNowError(f"{path}: is empty; it should begin with a pid")
    if not word.isdigit() or len(word) > 10 or int(word) > _MAX_PID:
        raise DeployError(f"{path}: does not begin with a pid")
    pid = int(word)
    if pid <= 1 or pid == os.getpid():
        raise DeployError(f"{path}: names process {pid}, which is not the program")
    return pid
