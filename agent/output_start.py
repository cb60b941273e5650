"""When the agent may say that it has started: once the first files of its outputs are there.

A program whose unit comes after the agent's then finds files to start with.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from pathlib import Path

from accredit.file_output.deploy.disk import Disk
from accredit.file_output.fileset import FileSet
from accredit.file_output.material import Material
from accredit.file_output.source import Source
from accredit.file_output.spec import FileSpec
from accredit.file_output.store import Store, Switched


class AnnouncedDisk(Disk):
    """Sets ``tried`` after the first attempt to write, whatever came of it."""

    def __init__(
        self, store: Store, folder: Path, specs: tuple[FileSpec, ...], tried: asyncio.Event
    ) -> None:
        super().__init__(store, folder, specs)
        self._tried = tried

    async def switch(self, files: FileSet) -> Switched:
        """Make ``files`` the current set; see there."""
        try:
            return await super().switch(files)
        finally:
            self._tried.set()


class AnnouncedSource:
    """Sets ``tried`` when there is nothing to write."""

    def __init__(self, source: Source, tried: asyncio.Event) -> None:
        self._source = source
        self._tried = tried

    async def watch(self) -> AsyncGenerator[Material, None]:
        """Yield what the source does."""
        async with aclosing(self._source.watch()) as states:
            async for material in states:
                if material.lacking:
                    self._tried.set()
                yield material


async def all_set(events: Sequence[asyncio.Event], seconds: float) -> None:
    """Return once all are set, or after so many seconds."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            for event in events:
                await event.wait()
