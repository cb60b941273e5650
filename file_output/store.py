"""The files of one output on disk, switched as one set."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from accredit.file_output import dirs, file_links
from accredit.file_output.drift import Drift, repair
from accredit.file_output.fileset import FileSet
from accredit.file_output.folder import Folder
from accredit.file_output.layout import CURRENT, LINK, PART, PREVIOUS, SetName
from accredit.file_output.leftovers import Leftovers
from accredit.file_output.set_writer import write_set
from accredit.file_output.trouble import told
from accredit.identity.clock import Clock


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """``grace`` is how long a set stays after it was replaced twice, for those who read it yet."""

    folder_mode: int = 0o755
    grace: timedelta = timedelta(seconds=30)


_DEFAULTS = StoreSettings()


@dataclass(frozen=True, slots=True)
class Switched:
    """The set that is current now, whether it is another one, and what was not as it was left."""

    name: SetName
    changed: bool
    drift: tuple[str, ...] = ()


class Store:
    """Writes sets of files and switches between them; blocks, so call it in a thread.

    Whoever opens ``current`` once and reads through that sees one set, whole. Each method leaves
    the old set or the new one, even if the process dies in it; what it left behind is removed when
    the folder is opened next. Not for two threads at once.
    """

    def __init__(self, path: Path, clock: Clock, settings: StoreSettings = _DEFAULTS) -> None:
        self._path = path
        self._settings = settings
        self._leftovers = Leftovers(clock, settings.grace)
        self._folder: Folder | None = None

    @property
    def current(self) -> SetName | None:
        """The set that is read now; None before the first.

        Raises:
            StoreError: the folder cannot be used.
        """
        with told(self._path):
            return self._opened().current

    def switch(self, wanted: FileSet) -> Switched:
        """Make ``wanted`` the current set, and the current one the previous one.

        The same version is not written again: owners and modes are put right, and only if that is
        not enough the set is written anew.

        Raises:
            StoreError: the folder cannot be used, the disk is full...: the old set is still there.
        """
        with told(self._path):
            folder = self._opened()
            file_links.check_free(folder, (file.name for file in wanted.files))
            current = folder.current
            drift = self._drift(folder, current, wanted)
            if current is not None and current.version == wanted.version and not drift.broken:
                name = current
            else:
                name = self._write(folder, wanted, current)
            self._tidy(folder)
            return Switched(name, name != current, drift.found)

    def roll_back(self) -> SetName | None:
        """Make the previous set the current one; None if there is no other set.

        Raises:
            StoreError: the folder cannot be used.
        """
        with told(self._path):
            folder = self._opened()
            previous = folder.previous
            if previous is None or previous == folder.current:
                return None
            folder.point(CURRENT, previous)
            self._tidy(folder)
            return previous

    def tidy(self) -> None:
        """Remove sets that nobody reads any more.

        Raises:
            StoreError: the folder cannot be used.
        """
        with told(self._path):
            self._tidy(self._opened())

    def close(self) -> None:
        """Let another accredit write here."""
        if self._folder is not None:
            self._folder.close()
            self._folder = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _opened(self) -> Folder:
        """Return the folder; opened, and recovered, again if it was removed meanwhile."""
        if self._folder is not None and self._folder.still_there():
            return self._folder
        self.close()
        folder = self._folder = Folder.open(self._path, self._settings.folder_mode)
        dirs.remove(PART, folder.sets)
        dirs.remove(PART, folder.top)
        dirs.remove(LINK, folder.top)
        self._tidy(folder)
        return folder

    @staticmethod
    def _drift(folder: Folder, current: SetName | None, wanted: FileSet) -> Drift:
        if current is None or current.version != wanted.version:
            return Drift()
        return repair(folder.sets, str(current), wanted.files)

    def _write(self, folder: Folder, wanted: FileSet, current: SetName | None) -> SetName:
        numbers = [name.number for name in folder.names()]
        name = SetName(max(numbers, default=0) + 1, wanted.version)
        write_set(folder.sets, name, wanted.files, self._settings.folder_mode)
        try:
            self._point(folder, current, name)
        except OSError:
            if folder.current != name:
                dirs.try_to_remove(str(name), folder.sets)
            raise
        return name

    @staticmethod
    def _point(folder: Folder, current: SetName | None, name: SetName) -> None:
        repaired = current is not None and current.version == name.version
        if current is not None and not repaired:
            folder.point(PREVIOUS, current)
        folder.point(CURRENT, name)
        if repaired and folder.previous == current:
            # Or a rollback would return to what was spoiled.
            folder.point(PREVIOUS, name)

    def _tidy(self, folder: Folder) -> None:
        file_links.sync(folder)
        self._leftovers.remove(folder)
