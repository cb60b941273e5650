"""The store, called from the event loop, and what it holds when accredit starts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from accredit.file_output.deploy.on_disk import read_set
from accredit.file_output.fileset import FileSet
from accredit.file_output.layout import CURRENT
from accredit.file_output.spec import FileSpec
from accredit.file_output.store import Store, Switched
from accredit.identity.errors import StoreError

_T = TypeVar("_T")


class Disk:
    """Blocks nobody. Once it was cancelled the store is at rest."""

    def __init__(self, store: Store, folder: Path, specs: tuple[FileSpec, ...]) -> None:
        self.folder = folder
        self._store = store
        self._specs = specs

    async def found(self) -> FileSet | None:
        """Return the set that was switched to last, perhaps by an earlier process."""
        return await _in_thread(self._found)

    async def switch(self, files: FileSet) -> Switched:
        """Make ``files`` the current set.

        Raises:
            StoreError: the old one is still there.
        """
        return await _in_thread(lambda: self._store.switch(files))

    async def go_back(self, files: FileSet) -> None:
        """Make ``files`` the current set again, at best without writing anything.

        Raises:
            StoreError: it could not be done.
        """
        await _in_thread(lambda: self._go_back(files))

    def _go_back(self, files: FileSet) -> None:
        name = self._store.roll_back()
        if name is None or name.version != files.version:
            self._store.switch(files)

    def _found(self) -> FileSet | None:
        try:
            name = self._store.current
            if name is None:
                return None
            return read_set(self.folder / CURRENT, name.version, self._specs)
        except (OSError, ValueError, StoreError):
            # Nothing to go back to; what the matter is, the first switch will say.
            return None


async def _in_thread(work: Callable[[], _T]) -> _T:
    future = asyncio.get_running_loop().run_in_executor(None, work)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        await asyncio.wait([future])
        raise
