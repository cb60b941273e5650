"""An ordinary user, whom the kernel refuses what root may do: ourselves, unless we are root."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support import other_user


def uid() -> int:
    """Return that user's number."""
    return os.geteuid() or other_user.UID


def gid() -> int:
    """Return the number of that user's group."""
    return other_user.UID if os.geteuid() == 0 else os.getegid()


@contextmanager
def folder() -> Iterator[Path]:
    """Lend a folder that belongs to that user and that everybody can enter."""
    if os.geteuid() == 0:
        with other_user.folder() as path:
            yield path
        return
    with tempfile.TemporaryDirectory(prefix="accredit-") as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


def give(path: Path) -> Path:
    """Give a file or folder of ours to that user."""
    os.chown(path, uid(), -1)
    return path


def python(*arguments: str | Path) -> tuple[Sequence[str | Path], dict[str, Any]]:
    """Return what Popen takes to run a Python that has our packages as that user."""
    if os.geteuid() == 0:
        return other_user.python(*arguments)
    how = {"env": {"PATH": "/usr/bin:/bin"}, "cwd": "/"}
    return [sys.executable, *arguments], how


def become(umask: int = 0o022) -> None:
    """Make this process, a child, one of that user for good."""
    if os.geteuid() == 0:
        other_user.become(umask)
    os.umask(umask)


@contextmanager
def acting() -> Iterator[Path]:
    """Be that user meanwhile, with a folder of that user's."""
    with folder() as path:
        if os.geteuid() != 0:
            yield path
            return
        os.setresuid(other_user.UID, other_user.UID, 0)  # access(2) goes by the real one
        try:
            yield path
        finally:
            os.setresuid(0, 0, 0)
