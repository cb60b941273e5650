"""File systems in memory, mounted for as long as a test needs them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support import needs


@contextmanager
def tmpfs(folder: Path, *, size: str, inodes: int = 1000) -> Iterator[Path]:
    """Mount an empty file system of that size on ``folder`` meanwhile."""
    needs.root()
    options = f"size={size},nr_inodes={inodes},mode=755"
    _mount("-t", "tmpfs", "-o", options, "none", str(folder))
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def remount(folder: Path, *options: str) -> None:
    """Change a mounted file system: ``ro``, ``rw``, ``size=...``."""
    _mount("-o", ",".join(("remount", *options)), str(folder))


def _mount(*arguments: str) -> None:
    program = needs.program("mount", apt="mount")
    found = subprocess.run([program, *arguments], check=False, capture_output=True, text=True)
    if "permission denied" in found.stderr or "must be superuser" in found.stderr:
        pytest.skip("this container may not mount: run it with CAP_SYS_ADMIN")
    assert found.returncode == 0, found.stderr
