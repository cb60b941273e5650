"""A cgroup of a test's own."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path

from accredit.envoy.redirect.programs import cgroup_mount
from support import needs

# Enters a cgroup, then becomes the program.
_SHELL = 'echo $$ > "$0/cgroup.procs" && exec "$@"'


def entering(folder: Path, *command: str | Path) -> list[str | Path]:
    """Return a command that runs another one in the cgroup at ``folder``."""
    return ["/bin/sh", "-c", _SHELL, folder, *command]


@contextlib.contextmanager
def cgroup(name: str) -> Iterator[Path]:
    """Make a cgroup below the root of cgroup v2; nothing may run in it at the end."""
    needs.root()
    folder = cgroup_mount(Path("/proc/self/mounts").read_text()) / f"{name}-{os.getpid()}"
    try:
        folder.mkdir()
    except OSError as error:
        needs.missing(f"no cgroup can be made: {error}; mount cgroup2 so that root may write")
    try:
        yield folder
    finally:
        remove(folder)


def remove(folder: Path, seconds: float = 30) -> None:
    """Remove a cgroup; a process that ends is listed in it no more a moment before it has left."""
    until = time.monotonic() + seconds
    while True:
        try:
            folder.rmdir()
        except OSError as error:
            if error.errno != errno.EBUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return
