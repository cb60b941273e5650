"""Waking those who wait for the newest state, however many they are."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Protocol

_SLICE = 50


class Sleeper(Protocol):
    """Who can be woken."""

    def wake(self) -> None:
        """Let the present or the next wait end."""
        ...


class Watcher:
    """One waiting stream. Wakes that come while it is busy count as one: there is no queue."""

    __slots__ = ("_changed", "_waiting")

    def __init__(self) -> None:
        self._changed = False
        self._waiting: asyncio.Future[None] | None = None

    def wake(self) -> None:
        """Let the present or the next wait end."""
        self._changed = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def wait(self) -> None:
        """Return once it was woken since the last wait ended."""
        if not self._changed:
            self._waiting = asyncio.get_running_loop().create_future()
            try:
                await self._waiting
            finally:
                self._waiting = None
        self._changed = False


class Waker:
    """Wakes watchers a slice at a time, so that new connections need not wait behind them all."""

    def __init__(self) -> None:
        self._queue: deque[Sleeper] = deque()

    def wake(self, watchers: Iterable[Sleeper]) -> None:
        """Wake them: a slice at once, the others in the next turns of the event loop."""
        waiting = bool(self._queue)
        self._queue.extend(watchers)
        if not waiting:
            self._wake_slice()

    def _wake_slice(self) -> None:
        for _ in range(min(_SLICE, len(self._queue))):
            self._queue.popleft().wake()
        if self._queue:
            asyncio.get_running_loop().call_soon(self._wake_slice)
