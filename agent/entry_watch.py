"""Reloads the entries when a file changes, or when somebody asks for it.

A file with a mistake changes nothing: what was good goes on, and the log tells every mistake.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from asyncinotify import Event, Inotify, Mask

from accredit.agent.entry_files import EntryFiles
from accredit.authority.entry_set import EntryDiff, EntrySet, diff
from accredit.authority.subscribers import Subscribers
from accredit.identity.errors import ConfigError

_CHANGES = Mask.CLOSE_WRITE | Mask.MOVE | Mask.DELETE | Mask.ATTRIB

_logger = logging.getLogger(__name__)


class EntryWatch:
    """The entries of some files, kept in step with them; a component.

    Raises:
        ConfigError: the files have mistakes.
    """

    name = "entries"

    def __init__(self, files: EntryFiles) -> None:
        self._files = files
        self._texts: Mapping[Path, str] = files.texts()
        self._entries = EntrySet(files.parse(self._texts))
        self._subscribers = Subscribers()
        self._wanted = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        self._told = ""

    @property
    def entries(self) -> EntrySet:
        """The entries as they are now."""
        return self._entries

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call ``changed`` after each change, on the event loop; returns the undo."""
        return self._subscribers.add(changed)

    def request(self) -> None:
        """Reload soon; what is wrong with the files goes to the log."""
        self._wanted.set()

    async def reload(self) -> EntryDiff:
        """Read the files again and publish what they hold; returns what changed.

        Raises:
            ConfigError: every mistake in them; nothing was changed.
        """
        async with self._one_at_a_time:
            texts = await asyncio.to_thread(self._files.texts)
            if texts == self._texts:
                return EntryDiff()
            entries = await asyncio.to_thread(lambda: EntrySet(self._files.parse(texts)))
            return self._replace(texts, entries)

    def _replace(self, texts: Mapping[Path, str], entries: EntrySet) -> EntryDiff:
        change = diff(self._entries, entries)
        self._texts, self._entries = texts, entries
        if change:
            _tell_change(change, len(entries))
            self._subscribers.tell()
        return change

    async def run(self) -> None:
        """Reload at every change until cancelled."""
        with Inotify() as inotify:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._notice(inotify), name="entries/notice")
                while True:
                    # Watch first, read then: a change in between is noticed twice, never not.
                    self._watch(inotify)
                    await self._reload_or_tell()
                    await self._wanted.wait()
                    self._wanted.clear()

    async def _notice(self, inotify: Inotify) -> None:
        async for event in inotify:
            if self._concerns_us(event):
                self._wanted.set()

    def _concerns_us(self, event: Event) -> bool:
        # No name: the folder itself. "..data" is how Kubernetes switches all files of a volume.
        name = "" if event.name is None else event.name.name
        return not name or name in {*self._files.names(), "..data"} or name.endswith(".yaml")

    def _watch(self, inotify: Inotify) -> None:
        """Watch every folder; again each time, since one may have been made anew."""
        for folder in self._files.folders():
            try:
                inotify.add_watch(folder, _CHANGES)
            except OSError as error:
                _logger.warning(
                    "changes here are not noticed; SIGHUP reloads",
                    extra={"path": str(folder), "error": error.strerror},
                )

    async def _reload_or_tell(self) -> None:
        try:
            await self.reload()
        except ConfigError as error:
            self._tell_mistakes(error)
        else:
            self._told = ""

    def _tell_mistakes(self, error: ConfigError) -> None:
        if str(error) == self._told:
            return
        self._told = str(error)
        _logger.error("entries not reloaded; the last good ones stay")
        for mistake in error.mistakes:
            _logger.error("mistake", extra={"error": str(mistake)})


def _tell_change(change: EntryDiff, total: int) -> None:
    _logger.info(
        "entries reloaded",
        extra={
            "added": len(change.added),
            "changed": len(change.changed),
            "removed": len(change.removed),
            "total": total,
        },
    )
    for what in ("added", "changed", "removed"):
        for entry in getattr(change, what)[:100]:
            _logger.info(
                f"entry {what}",  # noqa: G004  one of three words
                extra={"spiffe_id": str(entry.spiffe_id), "entry_id": entry.entry_id},
            )
