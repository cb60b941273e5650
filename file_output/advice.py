"""Whether keys in a folder end up on a disk, where they outlive their deletion."""

from __future__ import annotations

import os
import re
from pathlib import Path

_IN_MEMORY = {"tmpfs", "ramfs"}
_MOUNTS = Path("/proc/self/mountinfo")
_ESCAPED = re.compile(r"\\([0-7]{3})")


def advice(folder: Path) -> str:
    """Return a sentence for the owner of a folder on a disk; empty if it is in memory."""
    try:
        mounts = _MOUNTS.read_text("utf-8", "surrogateescape")
    except OSError:
        return ""  # no descriptors left: not worth an error
    kind = file_system_of(os.path.realpath(folder), mounts)
    if not kind or kind in _IN_MEMORY:
        return ""
    return f"{folder} is on a disk ({kind}): private keys leave no trace on a tmpfs, as /run is"


def file_system_of(path: str, mountinfo: str) -> str:
    """Return the type of the file system that holds an absolute path, or "" (proc(5))."""
    found, longest = "", -1
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) < 6 or not after:
            continue
        # The last one wins: it was mounted over the others.
        point = _unescaped(fields[4])
        if _holds(point, path) and len(point) >= longest:
            found, longest = after.split(" ")[0], len(point)
    return found


def _holds(point: str, path: str) -> bool:
    return path == point or path.startswith(point.rstrip("/") + "/")


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 8)), text)
