"""A process that can start no thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def none_starts() -> Iterator[None]:
    """Have no thread start meanwhile; those there are stay."""
    size = threading.stack_size()
    threading.stack_size(1 << 46)  # more than there is
    try:
        yield
    finally:
        threading.stack_size(size)
