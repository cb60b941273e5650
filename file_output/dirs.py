"""System calls on folders that are open, so that nobody can change what a path means meanwhile."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from accredit.file_output.layout import LINK, PART

_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def opened(name: str, folder: int) -> Iterator[int]:
    """Lend a descriptor of the folder ``name`` in ``folder``; a link is refused."""
    descriptor = os.open(name, _FLAGS, dir_fd=folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def names(folder: int) -> list[str]:
    """Return the names of all there is in it."""
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries]


def make(name: str, folder: int, mode: int) -> None:
    """Make a folder of exactly this mode, whatever the umask; a crash leaves it so or not at all.

    An empty folder that a crash left under the name PART is removed, and nothing else: the folder
    around it may be somebody else's.
    """
    with suppress(FileNotFoundError):
        os.rmdir(PART, dir_fd=folder)
    os.mkdir(PART, 0o700, dir_fd=folder)
    try:
        os.chmod(PART, mode, dir_fd=folder)
        if name != PART:
            os.rename(PART, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        try_to_remove(PART, folder)
        raise


def remove(name: str, folder: int) -> None:
    """Remove a folder with all in it, a file or a link; nothing is fine too."""
    with suppress(FileNotFoundError):
        try:
            os.unlink(name, dir_fd=folder)
        except IsADirectoryError:
            # A crash under a strange umask leaves one that not even its owner can enter.
            os.chmod(name, 0o700, dir_fd=folder)
            shutil.rmtree(name, dir_fd=folder)


def try_to_remove(name: str, folder: int) -> None:
    """Remove it if that works; for clearing up after another error, which is the one to tell."""
    with suppress(OSError):
        remove(name, folder)


def read_link(name: str, folder: int) -> str | None:
    """Return what the link holds; None if there is nothing, or something that is no link."""
    with suppress(FileNotFoundError):
        try:
            return os.readlink(name, dir_fd=folder)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
    return None


def point(name: str, target: str, folder: int) -> None:
    """Make or replace the link ``name`` by one rename: nobody ever sees it missing."""
    remove(LINK, folder)
    os.symlink(target, LINK, dir_fd=folder)
    os.rename(LINK, name, src_dir_fd=folder, dst_dir_fd=folder)


def exists(name: str, folder: int) -> bool:
    """Tell whether there is anything of that name, be it a link that leads nowhere."""
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
