"""The registration entries as they are now, following their files."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from pathlib import Path

from accredit.authority.entry_files import EntryFiles, Known, is_entry_file
from accredit.authority.entry_set import EntryDiff, EntrySet, diff
from accredit.authority.entry_template import Declared
from accredit.authority.path_watch import PathWatch
from accredit.authority.rereading import Rereading
from accredit.authority.subscribers import Subscribers
from accredit.identity.errors import ConfigError

_logger = logging.getLogger(__name__)
_MOST_LOGGED = 100


class EntrySource:
    """A component that reads the entries again whenever their files change.

    Files with any mistake change nothing: the mistakes are logged, and the last good entries stay.
    """

    name = "entries"

    def __init__(self, files: EntryFiles) -> None:
        self._files = files
        self._entries = EntrySet()
        self._known: Known = {}
        self._subscribers = Subscribers()
        self._last_error = ""
        self._rereading = Rereading()

    @property
    def entries(self) -> EntrySet:
        """All registration entries of the last good state of the files."""
        return self._entries

    @property
    def mistakes(self) -> str:
        """What is wrong with the files as they are now, a line each; empty if nothing is."""
        return self._last_error

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call ``changed`` after each change; returns the undo."""
        return self._subscribers.add(changed)

    def load(self) -> None:
        """Read the files now, before anything runs.

        Raises:
            ConfigError: with every mistake in them.
        """
        self._entries = self._files.read(self._known)

    def reload(self) -> None:
        """Ask for the files to be read soon, changed or not; what comes of it is logged."""
        self._rereading.ask()

    async def run(self) -> None:
        """Follow the files until cancelled."""
        try:
            watch = PathWatch(self._paths, self._files.folder, is_entry_file)
        except OSError as error:
            _logger.warning(
                "entries are not watched: they are read on SIGHUP only",
                extra={"error": error.strerror},
            )
            await self._rereading.follow(None, self._read)
        else:
            with watch:
                await self._rereading.follow(watch, self._read)

    def _paths(self) -> Iterable[Path]:
        try:
            return tuple(self._files.paths())
        except ConfigError:
            return ()

    async def _read(self, asked: bool) -> None:  # noqa: FBT001  a callback
        try:
            # A thread: ten thousand entries take half a second.
            new = await asyncio.to_thread(self._files.read, self._known)
        except ConfigError as error:
            if asked or str(error) != self._last_error:
                _logger.error(  # noqa: TRY400  the text says it all
                    "entries not reloaded; the last good ones stay", extra={"error": str(error)}
                )
            self._last_error = str(error)
            return
        self._last_error = ""
        self._replace(new, asked=asked)

    def _replace(self, new: EntrySet, *, asked: bool) -> None:
        changes = diff(self._entries, new)
        self._entries = new
        if changes:
            _log(changes)
            self._subscribers.tell()
        elif asked:
            _logger.info("entries reloaded: nothing changed", extra={"entries": len(new)})


def _log(changes: EntryDiff) -> None:
    facts: dict[str, object] = {
        name: [entry.shown_id for entry in entries[:_MOST_LOGGED]]
        for name, entries in _parts(changes)
        if entries
    }
    counts = {f"{name}_count": len(entries) for name, entries in _parts(changes) if entries}
    _logger.info("entries reloaded", extra=facts | counts | {"reordered": changes.reordered})


def _parts(changes: EntryDiff) -> tuple[tuple[str, tuple[Declared, ...]], ...]:
    return ("added", changes.added), ("removed", changes.removed), ("changed", changes.changed)
