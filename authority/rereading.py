"""When to read files again: at the start, after each change, and when somebody asks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from accredit.authority.path_watch import PathWatch


class Rereading:
    """Awaits ``read`` each time, and tells it whether it was asked for; one runs at a time."""

    def __init__(self, read: Callable[[bool], Awaitable[None]]) -> None:
        self._read = read
        self._asked = False
        self._look = asyncio.Event()

    def ask(self) -> None:
        """Have the files read soon, changed or not."""
        self._asked = True
        self._look.set()

    async def follow(self, watch: PathWatch | None) -> None:
        """Read until cancelled; without a watch only when asked."""
        while True:
            if watch is not None:
                watch.sync()
            asked, self._asked = self._asked, False
            await self._read(asked)
            await self._until_look(watch)

    async def _until_look(self, watch: PathWatch | None) -> None:
        async with asyncio.TaskGroup() as group:
            watcher = None if watch is None else group.create_task(self._when_changed(watch))
            await self._look.wait()
            if watcher is not None:
                watcher.cancel()
        self._look.clear()

    async def _when_changed(self, watch: PathWatch) -> None:
        await watch.changed()
        self._look.set()
