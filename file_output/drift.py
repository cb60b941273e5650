"""Whether the files on disk still are as they were written, and putting right what can be."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass

from accredit.file_output import dirs
from accredit.file_output.fileset import RenderedFile
from accredit.file_output.set_writer import give, owner_of

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Drift:
    """What was found, in words, and whether it takes a new set to repair it."""

    found: tuple[str, ...] = ()
    broken: bool = False


def repair(sets: int, name: str, wanted: Sequence[RenderedFile]) -> Drift:
    """Compare the set with what is wanted, and give each file its owner and mode back."""
    found: list[str] = []
    try:
        with dirs.opened(name, sets) as folder:
            _compare_names(set(dirs.names(folder)), {file.name for file in wanted})
            for file in wanted:
                found.extend(_repair(folder, file))
    except _BrokenError as error:
        return Drift((*found, str(error)), broken=True)
    except OSError as error:
        reason = f"{error.filename or name}: {(error.strerror or str(error)).lower()}"
        return Drift((*found, reason), broken=True)
    return Drift(tuple(found))


class _BrokenError(Exception):
    """A file is not what was written."""


def _compare_names(there: set[str], wanted: set[str]) -> None:
    for name in sorted(there ^ wanted):
        raise _BrokenError(f"{name}: is missing" if name in wanted else f"{name}: was added")


def _repair(folder: int, file: RenderedFile) -> list[str]:
    descriptor = os.open(file.name, _FLAGS, dir_fd=folder)
    with os.fdopen(descriptor, "rb") as there:
        status = os.fstat(descriptor)
        _compare(status, there.read(len(file.content) + 1), file)
        return _own(descriptor, status, file) + _mode(descriptor, status, file)


def _compare(status: os.stat_result, content: bytes, file: RenderedFile) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise _BrokenError(f"{file.name}: is no longer a regular file")
    # A salted file cannot be compared, but a program would stumble over an empty one.
    same = bool(content) if file.salted else content == file.content
    if not same:
        raise _BrokenError(f"{file.name}: was changed")


def _own(descriptor: int, status: os.stat_result, file: RenderedFile) -> list[str]:
    owner = (status.st_uid, status.st_gid)
    if owner == owner_of(file):
        return []
    give(descriptor, file)
    return [f"{file.name}: belonged to uid {owner[0]} and gid {owner[1]}"]


def _mode(descriptor: int, status: os.stat_result, file: RenderedFile) -> list[str]:
    mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
    if mode != file.mode:
        os.fchmod(descriptor, file.mode)
    before = stat.S_IMODE(status.st_mode)
    return [] if before == file.mode else [f"{file.name}: had mode {before:04o}"]
