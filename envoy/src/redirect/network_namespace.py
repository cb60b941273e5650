"""Which network namespace we act in: never by accident the one the whole machine shares."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from accredit.identity.errors import NotFoundError, UnavailableError

_NAMED = Path("/run/netns")  # ip-netns(8)
_CLONE_NEWNET = 0x40000000
# Each network namespace has files of its own here, and who may not look at /proc/1/ns may at these.
_OWN, _FIRST = Path("/proc/thread-self/net/dev"), Path("/proc/1/net/dev")


def enter(name: str) -> None:
    """Move this thread, and what it starts, into a namespace: a name of ``ip netns``, or a path.

    Raises:
        NotFoundError: there is none of that name.
        UnavailableError: it cannot be entered; the message says why.
    """
    path = Path(name) if "/" in name else _NAMED / name
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except PermissionError as error:
        raise _refused(path, str(error.strerror)) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise NotFoundError(f"no network namespace at {path}: {reason.lower()}") from None
    try:
        _set(descriptor, path)
    finally:
        os.close(descriptor)


def is_shared() -> bool:
    """Whether we are in the namespace of the first process: the machine's, or the container's.

    What cannot be seen is taken for it.
    """
    try:
        return _OWN.stat().st_ino == _FIRST.stat().st_ino
    except OSError:
        return True


def _set(descriptor: int, path: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, _CLONE_NEWNET) != 0:
        raise _refused(path, os.strerror(ctypes.get_errno()))


def _refused(path: Path, reason: str) -> UnavailableError:
    takes = "it needs root, and a network namespace"
    return UnavailableError(f"cannot enter {path}: {reason.lower()}; {takes}")
