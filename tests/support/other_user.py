"""Programs run by somebody else, who cannot see into our home."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support import needs

UID = 54321
_REPOSITORY = Path(__file__).parents[2]
_PYTHON = "/usr/bin/python3"


@contextmanager
def folder() -> Iterator[Path]:
    """Lend a folder that belongs to the other user and that everybody can enter."""
    needs.root()
    path = Path(tempfile.mkdtemp(prefix="accredit-"))
    try:
        path.chmod(0o755)
        os.chown(path, UID, UID)
        yield path
    finally:
        shutil.rmtree(path)


def python(*arguments: str | Path) -> tuple[Sequence[str | Path], dict[str, Any]]:
    """Return what Popen takes to run a Python that has our packages as the other user."""
    needs.root()
    packages = [str(_REPOSITORY), sysconfig.get_path("platlib")]
    how = {
        "user": UID,
        "group": UID,
        "extra_groups": [],
        "env": {"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(packages)},
        "cwd": "/",
    }
    return [_interpreter(), *arguments], how


def become(umask: int = 0o022) -> None:
    """Make this process, a child, one of the other user for good."""
    needs.root()
    os.setgroups([])
    os.setresgid(UID, UID, UID)
    os.setresuid(UID, UID, UID)
    os.umask(umask)


def _interpreter() -> str:
    """Return the system's Python, since ours may lie in a home; unless it is another version."""
    ask = [_PYTHON, "-c", "import sys; print(sys.version_info[:2])"]
    version = subprocess.run(ask, check=True, capture_output=True, text=True).stdout.strip()
    return _PYTHON if version == str(sys.version_info[:2]) else sys.executable
