"""Cgroups as the kubelet makes them, for real processes; the directories are a test's own."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from support.cgroup import cgroup, remove


@contextlib.contextmanager
def cgroup_parent(uid: str) -> Iterator[str]:
    """Name the cgroup of a pod for a runtime to make; what is left of it goes at the end."""
    top = f"accredit-test-{os.getpid()}"
    try:
        yield f"/{top}/kubepods/burstable/pod{uid}"
    finally:
        for place in (Path("/sys/fs/cgroup"), *Path("/sys/fs/cgroup").iterdir()):
            _remove(place / top)


def _remove(top: Path) -> None:
    for folder, _, _ in os.walk(top, topdown=False):
        remove(Path(folder))  # the monitor of a container outlives it for a moment


@contextlib.contextmanager
def pod_cgroup(uid: str, container_id: str, owner: int = 0) -> Iterator[Path]:
    """Make ``.../kubepods/podUID/ID``; ``owner`` gets what is below ``kubepods``."""
    with cgroup("accredit-test") as top:
        made = [top]
        try:
            for name in ("kubepods", f"pod{uid}", container_id):
                made.append(made[-1] / name)
                made[-1].mkdir()
            for folder in made[2:]:
                os.chown(folder, owner, owner)
                for file in folder.glob("cgroup.*"):
                    os.chown(file, owner, owner)
            yield made[-1]
        finally:
            for folder in reversed(made[1:]):
                if folder.exists():
                    folder.rmdir()
