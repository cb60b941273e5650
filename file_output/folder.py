"""The folder of one output: made if missing, refused if others could put something in it."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from accredit.file_output import dirs
from accredit.file_output.layout import CURRENT, LOCK, PREVIOUS, SETS, SetName
from accredit.file_output.trouble import told
from accredit.identity.errors import StoreError

_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LOCK_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_OTHERS_WRITE = 0o022


@dataclass(frozen=True, slots=True)
class Folder:
    """Descriptors of the folder, of the sets in it and of the lock; ``close`` gives them back."""

    path: Path
    top: int
    sets: int
    lock: int

    @classmethod
    def open(cls, path: Path, mode: int) -> Folder:
        """Open the folder, and be the only one who writes in it.

        Raises:
            StoreError: others could write in it, another accredit does, or it is a link.
            OSError: the kernel refuses.
        """
        _make(path, mode)
        _check_place(path)
        held: list[int] = []
        try:
            held.append(top := os.open(path, _FLAGS))
            check_ours(path, os.fstat(top))
            held.append(lock := _open_lock(top))
            _lock(path, lock)
            if not dirs.exists(SETS, top):
                dirs.make(SETS, top, mode)
            held.append(sets := os.open(SETS, _FLAGS, dir_fd=top))
            check_ours(path / SETS, os.fstat(sets))
        except BaseException:
            _close(held)
            raise
        return cls(path, top, sets, lock)

    def close(self) -> None:
        """Give the lock and the descriptors back."""
        _close([self.sets, self.lock, self.top])

    def still_there(self) -> bool:
        """Tell whether the path still leads to the folder that is open."""
        try:
            there = self.path.lstat()
            sets = os.stat(SETS, dir_fd=self.top, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return os.path.samestat(there, os.fstat(self.top)) and os.path.samestat(
            sets, os.fstat(self.sets)
        )

    def linked(self, name: str) -> SetName | None:
        """Return the set that CURRENT or PREVIOUS leads to, if it is there."""
        found = SetName.of_link(dirs.read_link(name, self.top) or "")
        return found if found and dirs.exists(str(found), self.sets) else None

    @property
    def current(self) -> SetName | None:
        """The set that is read now."""
        return self.linked(CURRENT)

    @property
    def previous(self) -> SetName | None:
        """The set to roll back to."""
        return self.linked(PREVIOUS)

    def names(self) -> list[SetName]:
        """Return the sets there are, oldest first."""
        return sorted(name for each in dirs.names(self.sets) if (name := SetName.parse(each)))

    def point(self, name: str, to: SetName) -> None:
        """Let CURRENT or PREVIOUS lead to a set, down to the disk."""
        dirs.point(name, to.target, self.top)
        os.fsync(self.top)


def check_ours(path: Path, found: os.stat_result) -> None:
    """Refuse a folder that belongs to, or can be written by, anybody but us and root.

    Raises:
        StoreError: somebody could put keys or roots of their own into the place of ours.
    """
    own = os.geteuid()
    if found.st_uid not in {own, 0}:
        raise StoreError(
            path, f"belongs to uid {found.st_uid}, and accredit runs as uid {own}", "chown it"
        )
    if found.st_mode & _OTHERS_WRITE:
        mode = f"{stat.S_IMODE(found.st_mode):04o}"
        raise StoreError(path, f"can be written by others (mode {mode})", "run: chmod go-w on it")


def check_usable(path: Path) -> None:
    """Refuse what ``Folder.open`` would refuse, without making anything.

    Raises:
        StoreError: it, or where it would be made, is not for accredit to write in.
    """
    with told(path):
        there = next(each for each in (path, *path.parents) if os.path.lexists(each))
        _check_place(path if there == path else there / path.name)
        if there == path:
            check_ours(path, path.stat())
        if not there.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "not a directory", str(there))
        if not os.access(there, os.W_OK | os.X_OK):
            if there != path:
                raise _not_to_be_made(path, there)
            raise PermissionError(errno.EACCES, "permission denied", str(there))


def _make(path: Path, mode: int) -> None:
    missing = [each for each in (path, *path.parents) if not os.path.lexists(each)]
    for each in reversed(missing):
        try:
            with _above(each) as above:
                dirs.make(each.name, above, mode if each == path else 0o755)
        except PermissionError as error:
            raise _not_to_be_made(path, each.parent) from error


@contextmanager
def _above(path: Path) -> Iterator[int]:
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _not_to_be_made(path: Path, above: Path) -> StoreError:
    cure = f"make it and chown it to uid {os.geteuid()}, or choose another folder"
    return StoreError(path, f"cannot be made: permission denied in {above}", cure)


def _check_place(path: Path) -> None:
    """Refuse a link, and a place where everybody may rename what they like."""
    if path.is_symlink():
        raise StoreError(path, "is a symbolic link", "name the folder it leads to")
    for each in Path(os.path.realpath(path.parent), "x").parents:
        mode = each.stat().st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            raise StoreError(path, f"{each} can be written by every user", f"chmod o-w {each}")


def _lock(path: Path, lock: int) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StoreError(
            path,
            "another accredit writes here, or another output of this one",
            "stop that one, or choose another folder",
        ) from None


def _open_lock(top: int) -> int:
    # A file of its own: everybody who may read the folder could lock the folder itself.
    try:
        return os.open(LOCK, _LOCK_FLAGS, 0o600, dir_fd=top)
    except PermissionError:
        if not dirs.exists(LOCK, top):
            raise
        # A strange umask makes one that not even its owner can open again.
        os.chmod(LOCK, 0o600, dir_fd=top)
        return os.open(LOCK, _LOCK_FLAGS, 0o600, dir_fd=top)


def _close(descriptors: list[int]) -> None:
    for each in descriptors:
        os.close(each)
