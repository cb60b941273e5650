"""Writes the files of one set into a folder that nobody looks at yet, down to the disk."""

from __future__ import annotations

import os
from collections.abc import Iterable

from accredit.file_output import dirs
from accredit.file_output.fileset import RenderedFile
from accredit.file_output.layout import PART, SetName

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def write_set(sets: int, name: SetName, files: Iterable[RenderedFile], mode: int) -> None:
    """Make the folder ``name`` in ``sets``, whole or not at all.

    Raises:
        OSError: whatever the kernel refuses; nothing is left behind then, if it can be helped.
    """
    dirs.remove(PART, sets)
    try:
        dirs.make(PART, sets, 0o700)
        with dirs.opened(PART, sets) as folder:
            for file in files:
                _write(folder, file)
            os.fchmod(folder, mode)
            os.fsync(folder)
        os.rename(PART, str(name), src_dir_fd=sets, dst_dir_fd=sets)
        os.fsync(sets)
    except OSError:
        dirs.try_to_remove(PART, sets)
        raise


def owner_of(file: RenderedFile) -> tuple[int, int]:
    """Return uid and gid that the file is to have."""
    uid = os.geteuid() if file.uid is None else file.uid
    gid = os.getegid() if file.gid is None else file.gid
    return uid, gid


def give(descriptor: int, file: RenderedFile) -> None:
    """Give an open file the owner and group it is to have.

    Raises:
        PermissionError: only root may do that.
    """
    uid, gid = owner_of(file)
    try:
        os.fchown(descriptor, uid, gid)
    except PermissionError as error:
        reason = f"may not be given to uid {uid} and gid {gid} by uid {os.geteuid()}"
        raise PermissionError(error.errno, reason, file.name) from None


def _write(folder: int, file: RenderedFile) -> None:
    descriptor = os.open(file.name, _FLAGS, 0o600, dir_fd=folder)
    with os.fdopen(descriptor, "wb", buffering=0) as out:
        # Before there is anything to read; and the owner first, since chown takes bits away.
        give(descriptor, file)
        os.fchmod(descriptor, file.mode)
        rest = memoryview(file.content)
        while rest:
            rest = rest[out.write(rest) or 0 :]
        os.fsync(descriptor)
