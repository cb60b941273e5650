"""The shared memory by which Envoys of one base id know each other.

A follower sets a flag in it and takes the flag away when it takes over. One that ends before that
leaves the flag, and Envoy then refuses every further follower ("previous envoy process is still
initializing", envoyproxy/envoy issue 33446). Nor does anybody remove the file in the end.
"""

from __future__ import annotations

import os
import secrets
import struct
from contextlib import suppress
from pathlib import Path

_FOLDER = Path("/dev/shm")  # noqa: S108  where shm_open makes them
# Size and version of what follows, two locks of 40 bytes, the flags: hot restart version 11.104.
_HEAD = struct.Struct("=QQ")
_LAYOUT = (104, 11)
_FLAGS_AT = 96
_FLAGS = struct.Struct("=Q")
_INITIALIZING = 1
_MAX_BASE_ID = (2**31 - 1) // 10 - 1


class SharedMemory:
    """What the Envoys of ``base_id`` share."""

    def __init__(self, base_id: int, folder: Path = _FOLDER) -> None:
        self.base_id = base_id
        self.path = folder / f"envoy_shared_memory_{base_id * 10}"

    def initializing(self) -> bool | None:
        """Return whether a process has started and not taken over; None if that is unknown."""
        try:
            with self.path.open("rb") as file:
                flags = self._flags(file.read(_LAYOUT[0]))
        except OSError:
            return None
        return None if flags is None else bool(flags & _INITIALIZING)

    def forget_follower(self) -> bool:
        """Take the flag of a follower that is gone away; False if this Envoy keeps it elsewhere."""
        try:
            with self.path.open("r+b", buffering=0) as file:
                flags = self._flags(file.read(_LAYOUT[0]))
                if flags is None:
                    return False
                os.pwrite(file.fileno(), _FLAGS.pack(flags & ~_INITIALIZING), _FLAGS_AT)
        except OSError:
            return False
        return True

    def remove(self) -> None:
        """Give the memory back; no process may be left that uses it."""
        with suppress(OSError):
            self.path.unlink()

    def _flags(self, content: bytes) -> int | None:
        if len(content) != _LAYOUT[0] or _HEAD.unpack_from(content) != _LAYOUT:
            return None
        (flags,) = _FLAGS.unpack_from(content, _FLAGS_AT)
        return int(flags)


def reserve(folder: Path = _FOLDER) -> int:
    """Return a base id that no Envoy uses whose memory we could see.

    Envoy's own choice does not look at the memory of others, and beyond this range the number in
    the names of its sockets overflows.

    Raises:
        OSError: shared memory cannot be used.
    """
    while True:
        base_id = 1 + secrets.randbelow(_MAX_BASE_ID)
        path = folder / f"envoy_shared_memory_{base_id * 10}"
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            continue
        return base_id


def read_base_id(path: Path) -> int | None:
    """Return the base id that was written to ``path``, or None if it does not hold one."""
    try:
        text = path.read_text()
    except OSError:
        return None
    return int(text) if text.isascii() and text.isdecimal() else None
