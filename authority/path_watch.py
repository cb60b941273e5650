"""Notices that what some paths lead to may have changed: inotify, no polling.

Watched are folders, never files, and in each folder the names that are looked up on the way to a
path, symbolic links followed. So it makes no difference whether a file is written in place or
renamed over, whether a link somewhere on the way is switched (as Kubernetes does), or whether
folders on the way come and go.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from asyncinotify import Event, Inotify, Mask

_logger = logging.getLogger(__name__)
_MAX_LINKS = 40  # as the kernel
_MAX_SYNCS = 10
_NOT_THERE = {errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.ELOOP}
# An editor that moves the old file away writes the new one within this many seconds.
_QUIET = 0.04
_LONGEST = 0.12
_ON_THE_WAY = Mask.CREATE | Mask.MOVED_TO | Mask.MOVED_FROM | Mask.DELETE | Mask.ATTRIB
_LOST = Mask.IGNORED | Mask.UNMOUNT


def lookups(path: Path) -> Iterator[tuple[Path, str]]:
    """Yield each folder and the name in it that the kernel looks up on the way to ``path``."""
    here, links = Path("/"), 0
    todo = deque(path.absolute().parts[1:])
    while todo:
        name = todo.popleft()
        if name == "..":
            here = here.parent
            continue
        yield here, name
        try:
            target = Path(here / name).readlink()
        except OSError:  # no link, or not there
            here /= name
            continue
        links += 1
        if links > _MAX_LINKS:
            return
        here = Path("/") if target.is_absolute() else here
        todo.extendleft(reversed([part for part in target.parts if part != "/"]))


class PathWatch:
    """Watches files, and a folder for names that ``belongs`` accepts; a context manager.

    ``paths`` is asked for the files again at each :meth:`sync`.

    Raises:
        OSError: the user has no inotify instances left.
    """

    def __init__(
        self,
        paths: Callable[[], Iterable[Path]],
        folder: Path | None,
        belongs: Callable[[str], bool],
    ) -> None:
        self._paths = paths
        self._folder = folder
        self._belongs = belongs
        self._inotify = Inotify(cache_size=64)
        self._names: dict[int, set[str]] = {}
        self._folder_watch: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._inotify.close()

    def sync(self) -> None:
        """Watch what is on the way now; look at the files after this, not before."""
        for _ in range(_MAX_SYNCS):
            wanted = self._wanted()
            self._watch(wanted)
            if self._wanted() == wanted:
                return

    def _wanted(self) -> Mapping[Path, set[str]]:
        wanted: defaultdict[Path, set[str]] = defaultdict(set)
        for path in self._paths():
            if path.parent == self._folder and not _is_link(path):
                continue  # there may be thousands, and the folder is watched anyway
            for folder, name in lookups(path):
                wanted[folder].add(name)
        if self._folder is not None:
            for folder, name in lookups(self._folder):
                wanted[folder].add(name)
            wanted[_resolved(self._folder)] |= set()
        return wanted

    def _watch(self, wanted: Mapping[Path, set[str]]) -> None:
        last = None if self._folder is None else _resolved(self._folder)
        names: defaultdict[int, set[str]] = defaultdict(set)
        self._folder_watch = None
        for folder, looked_up in wanted.items():
            ends_here = not all(_is_folder(folder / name) for name in looked_up)
            number = self._add(folder, contents=ends_here or folder == last)
            if number is not None:
                names[number] |= looked_up
                if folder == last:
                    self._folder_watch = number
        for watch in self._inotify.watches:
            if watch.wd not in names:
                with suppress(OSError):
                    self._inotify.rm_watch(watch)
        self._names = names

    def _add(self, folder: Path, *, contents: bool) -> int | None:
        mask = _ON_THE_WAY | Mask.ONLYDIR | (Mask.CLOSE_WRITE if contents else Mask.ZERO)
        try:
            return self._inotify.add_watch(folder, mask).wd
        except OSError as error:
            if error.errno not in _NOT_THERE:
                _logger.warning(
                    "folder not watched", extra={"path": str(folder), "error": error.strerror}
                )
            return None

    async def changed(self) -> None:
        """Return a moment after something changed, once it has been quiet."""
        while not self._is_relevant(await self._inotify.get()):
            pass
        now = asyncio.get_running_loop().time
        last = now() + _LONGEST
        quiet = now() + _QUIET
        with suppress(TimeoutError):
            while True:
                async with asyncio.timeout_at(min(quiet, last)):
                    event = await self._inotify.get()
                if self._is_relevant(event):
                    quiet = now() + _QUIET

    def _is_relevant(self, event: Event) -> bool:
        if Mask.Q_OVERFLOW in event:
            return True
        watch = event.watch
        if watch is None or watch.wd not in self._names:
            return False
        if event.mask & _LOST:
            return True
        name = os.fspath(event.name or "")
        in_folder = watch.wd == self._folder_watch and self._belongs(name)
        return in_folder or name in self._names[watch.wd]


# What cannot be looked at (not allowed, too long, a circle) is none of them, and may be later.
def _is_link(path: Path) -> bool:
    try:
        return path.is_symlink()
    except OSError:
        return False


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError):
        return path
