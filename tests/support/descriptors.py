"""The open files of this process: how many there are, and none left for more."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def count() -> int:
    """Return how many are open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@contextmanager
def limited_to(files: int) -> Iterator[None]:
    """Let no descriptor of that number or above be opened meanwhile; those open stay."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
