"""One link a file beside ``current``, for programs that take a path for each file."""

from __future__ import annotations

import os
from collections.abc import Iterable

from accredit.file_output import dirs
from accredit.file_output.folder import Folder
from accredit.file_output.layout import CURRENT, PREVIOUS, SetName, file_target
from accredit.identity.errors import StoreError


def check_free(folder: Folder, names: Iterable[str]) -> None:
    """Refuse names under which there is something that accredit did not make.

    Raises:
        StoreError: it would have to be overwritten.
    """
    for name in (CURRENT, PREVIOUS):
        _check(folder, name, SetName.of_link(dirs.read_link(name, folder.top) or "") is not None)
    for name in names:
        _check(folder, name, _is_ours(name, folder))


def _check(folder: Folder, name: str, ours: bool) -> None:  # noqa: FBT001  one caller
    if not ours and dirs.exists(name, folder.top):
        raise StoreError(folder.path / name, "is no link that accredit made", "move it away")


def sync(folder: Folder) -> None:
    """Have a link for each file of the current set, and none that leads nowhere."""
    wanted = _current_files(folder)
    there = {name for name in dirs.names(folder.top) if _is_ours(name, folder)}
    for name in wanted - there:
        if not dirs.exists(name, folder.top):
            dirs.point(name, file_target(name), folder.top)
    for name in there - wanted:
        dirs.remove(name, folder.top)
    if wanted != there:
        os.fsync(folder.top)


def _is_ours(name: str, folder: Folder) -> bool:
    return dirs.read_link(name, folder.top) == file_target(name)


def _current_files(folder: Folder) -> set[str]:
    current = folder.current
    if current is None:
        return set()
    with dirs.opened(str(current), folder.sets) as descriptor:
        return set(dirs.names(descriptor))
