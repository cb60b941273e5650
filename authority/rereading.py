"""When to read files again: at the start, after each change, and when somebody asks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from accredit.authority.path_watch import PathWatch


class Rereading:
    """The occasions to read; one who reads follows them at a time."""

    def __init__(self) -> None:
        self._asked = False
        self._look = asyncio.Event()

    def ask(self) -> None:
        """Have the files read soon, changed or not."""
        self._asked = True
        self._look.set()

    async def follow(
        self, watch: PathWatch | None, read: Callable[[bool], Awaitable[None]]
    ) -> None:
        """Await ``read`` now and on each occasion, until cancelled; it is told if somebody asked.

        Without a watch it is only when asked.
        """
        while True:
            if watch is not None:
                watch.sync()
            await read(self.take())
            await self.next(watch)

    def take(self) -> bool:
        """Return whether somebody has asked since this was called last."""
        asked, self._asked = self._asked, False
        return asked

    async def next(self, watch: PathWatch | None) -> None:
        """Return at a change, or when somebody asks."""
        async with asyncio.TaskGroup() as group:
            watcher = None if watch is None else group.create_task(self._when_changed(watch))
            await self._look.wait()
            if watcher is not None:
                watcher.cancel()
        self._look.clear()

    async def _when_changed(self, watch: PathWatch) -> None:
        await watch.changed()
        self._look.set()
