"""Waiting for what happens elsewhere: in another process, or in grpcio's threads.

What cannot be looked at yet does not hold yet: the file is not there or half written, the
port is closed, the list is still empty. Only at the deadline is such an error raised.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

_NOT_YET = (LookupError, OSError, ValueError)


async def eventually(
    holds: Callable[[], object], seconds: float = 60, tell: Callable[[], object] = str
) -> None:
    """Return once ``holds`` does; fail with what is to tell if that takes too long."""
    end = time.monotonic() + seconds
    while not _look(holds, end, tell):  # noqa: ASYNC110  nobody could set an event
        await asyncio.sleep(0.005)


def wait_until(
    holds: Callable[[], object], seconds: float = 60, tell: Callable[[], object] | str = ""
) -> float:
    """Return once ``holds`` does, how long that took in seconds; else fail with what is to tell."""
    start = time.monotonic()
    while not _look(holds, start + seconds, tell if callable(tell) else lambda: tell):
        time.sleep(0.02)
    return time.monotonic() - start


def _look(holds: Callable[[], object], end: float, tell: Callable[[], object]) -> bool:
    late = time.monotonic() > end  # asked before the look: a slow machine gets a last one
    try:
        held = bool(holds())
    except _NOT_YET:
        if late:
            raise
        return False
    assert held or not late, f"it took too long: {tell()}"
    return held
