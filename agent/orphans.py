"""As process 1 of a container: ends like any other process, and buries whom nobody else can."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import suppress
from pathlib import Path
from types import FrameType

_EVERY_SECONDS = 5.0


def is_first() -> bool:
    """Tell whether we are process 1, to whom the kernel gives all orphans."""
    return os.getpid() == 1


def end_on_sigterm() -> None:
    """Have SIGTERM end this process as it would any other, until somebody handles it."""
    signal.signal(signal.SIGTERM, _end)


def _end(number: int, _frame: FrameType | None) -> None:
    os._exit(128 + number)


class Burial:
    """Takes away dead children that nobody has waited for between two looks.

    It looks after a death only. Our own are waited for by the event loop at once, which also comes
    before a look that is due.
    """

    def __init__(self, every_seconds: float = _EVERY_SECONDS) -> None:
        self._every = every_seconds
        self._dead: AbstractSet[int] = frozenset()
        self._due = False

    def begin(self) -> None:
        """Go on for as long as the event loop runs; in its thread, which must be the main one."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGCHLD, self._look_later)
        self._look()

    def _look_later(self) -> None:
        if not self._due:
            self._due = True
            asyncio.get_running_loop().call_later(self._every, self._look)

    def _look(self) -> None:
        self._due = False
        dead = frozenset(_dead_children())
        for pid in dead & self._dead:
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        self._dead = dead - self._dead
        if self._dead:
            self._look_later()


def _dead_children() -> Iterator[int]:
    look = os.WEXITED | os.WNOHANG | os.WNOWAIT
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with suppress(ChildProcessError):
                if os.waitid(os.P_PID, int(folder.name), look) is not None:
                    yield int(folder.name)
