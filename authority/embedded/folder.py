"""Files and folders that are nobody's but ours, written so that a crash leaves all or nothing."""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path

from accredit.identity.errors import StoreError

_MAX_BYTES = 64 * 1024
_OTHERS = 0o077
PART = ".part"  # what a crash may leave of a file that was being written
_RESTORE = "restore it from a backup"


def check_data_dir(path: Path) -> None:
    """Make the data folder if it is missing; it may be read by others, never written.

    Raises:
        StoreError: somebody else could put another authority in the place of ours.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.stat()
    except OSError as error:
        raise unusable(path, error) from error
    if found.st_uid not in (os.geteuid(), 0):
        raise _not_ours(path, found)
    if found.st_mode & 0o022:
        raise StoreError(
            path, f"can be written by others (mode {_mode(found)})", f"run: chmod go-w {path}"
        )


def check_private_folder(path: Path) -> None:
    """Require a real folder that only our own user can enter.

    Raises:
        StoreError: it is missing, a link, somebody else's, or open to others.
    """
    try:
        found = path.lstat()
    except OSError as error:
        raise unusable(path, error) from error
    if not stat.S_ISDIR(found.st_mode):
        raise StoreError(path, "is not a folder", _RESTORE)
    _check_private(path, found)


def check_private_file(path: Path) -> None:
    """Require a regular, non-empty file that only our own user can read.

    Raises:
        StoreError: it is missing, empty, a link, somebody else's, or open to others.
    """
    try:
        found = path.lstat()
    except OSError as error:
        raise unusable(path, error) from error
    _check_file(path, found)


def _check_file(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise StoreError(path, "is not a regular file", _RESTORE)
    _check_private(path, found)
    if not found.st_size:
        raise StoreError(path, "is empty", _RESTORE)


def _check_private(path: Path, found: os.stat_result) -> None:
    if found.st_uid != os.geteuid():
        raise _not_ours(path, found)
    if found.st_mode & _OTHERS:
        raise StoreError(
            path, f"is open to other users (mode {_mode(found)})", f"run: chmod go-rwx {path}"
        )


def read_private(path: Path) -> bytes:
    """Return the content of a small file after checking what was opened.

    Raises:
        StoreError: as :func:`check_private_file`, or it is larger than 64 KiB.
    """
    try:
        with open(path, "rb", opener=_no_link) as file:
            _check_file(path, os.fstat(file.fileno()))
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise unusable(path, error) from error
    if len(data) > _MAX_BYTES:
        raise StoreError(path, f"is larger than {_MAX_BYTES} bytes", _RESTORE)
    return data


def _no_link(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def write_private(path: Path, data: bytes) -> None:
    """Write a file, mode 0600, and its folder's entry for it, down to the disk.

    Raises:
        StoreError: the disk is full or broken; what was there before still is.
    """
    part = path.with_name(f"{path.name}{PART}")
    try:
        part.unlink(missing_ok=True)
        with open(part, "xb", opener=_for_us_alone) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
        sync_folder(path.parent)
    except OSError as error:
        raise unusable(path, error) from error


def _for_us_alone(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def sync_folder(path: Path) -> None:
    """Bring the folder's entries down to the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def lock(path: Path) -> int:
    """Return a descriptor that holds the lock until it is closed, by us or by our death.

    Raises:
        StoreError: another process holds it.
    """
    try:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        raise unusable(path, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    except BlockingIOError:
        holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(descriptor)
        raise StoreError(
            path.parent,
            f"is in use by another accredit (process {holder})",
            "stop that one, or choose another data_dir",
        ) from None
    except OSError as error:
        os.close(descriptor)
        raise unusable(path, error) from error
    return descriptor


def unusable(path: Path, error: OSError) -> StoreError:
    """Return the error for what the kernel refused."""
    reason = (error.strerror or str(error)).lower()
    if isinstance(error, FileNotFoundError):
        return StoreError(path, "is missing", _RESTORE)
    if isinstance(error, PermissionError):
        return StoreError(path, reason, "run accredit as the user who owns it, or chown it")
    return StoreError(path, reason)


def _not_ours(path: Path, found: os.stat_result) -> StoreError:
    own = os.geteuid()
    reason = f"belongs to uid {found.st_uid}, and accredit runs as uid {own}"
    return StoreError(path, reason, f"run: chown -R {own} {path}")


def _mode(found: os.stat_result) -> str:
    return f"{stat.S_IMODE(found.st_mode):04o}"
