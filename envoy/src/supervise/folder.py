"""A folder of our own for a sidecar's sockets and bootstraps: mode 0700, gone at the end."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from accredit.envoy.supervise.arguments import SOCKET
from accredit.envoy.supervise.shared_memory import SharedMemory, read_base_id, reserve
from accredit.identity.errors import StoreError

_BASE_ID = "base_id"
_PREFIX = "envoy-"
_LOCK = "lock"
_MAX_SOCKET_BYTES = 107  # sun_path, less its final zero
_LONGEST_SOCKET = f"{SOCKET}_udp_parent_2147483632"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The folder at ``path``, and what the Envoys in it share."""

    path: Path
    memory: SharedMemory


@contextmanager
def run_folder(parent: Path) -> Iterator[RunFolder]:
    """Make a folder below ``parent``, and remove it at the end.

    What supervisors that are gone left behind is removed first.

    Raises:
        StoreError: ``parent`` cannot be used, or others could put something in its place.
    """
    try:
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _require_ours(parent)
        _remove_stale(parent)
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        lock = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(parent, f"cannot be used: {error.strerror}", "see --run-dir") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield RunFolder(_short(folder), _reserved(folder))
    finally:
        os.close(lock)
        _remove(folder)


def write_private(path: Path, text: str) -> None:
    """Write a file that nobody else can read.

    Raises:
        StoreError: there is no room for it.
    """
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
    except OSError as error:
        raise StoreError(path, f"cannot be written: {error.strerror}") from error


def _require_ours(folder: Path) -> None:
    found = folder.stat()
    if found.st_uid not in {os.geteuid(), 0}:
        raise StoreError(folder, f"belongs to uid {found.st_uid}", "choose another --run-dir")
    if stat.S_IMODE(found.st_mode) & 0o022:
        raise StoreError(folder, "others may write here", "chmod 0700")


def _remove_stale(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*"):
        try:
            lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            continue  # just made by another, or not ours
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            continue
        else:
            _remove(folder)
        finally:
            os.close(lock)


def _remove(folder: Path) -> None:
    if (base_id := read_base_id(folder / _BASE_ID)) is not None:
        SharedMemory(base_id).remove()
    shutil.rmtree(folder, ignore_errors=True)


def _reserved(folder: Path) -> SharedMemory:
    try:
        base_id = reserve()
    except OSError as error:
        raise StoreError(SharedMemory(0).path, f"cannot be used: {error.strerror}") from error
    write_private(folder / _BASE_ID, str(base_id))
    return SharedMemory(base_id)


def _short(folder: Path) -> Path:
    longest = folder / _LONGEST_SOCKET
    if len(os.fsencode(longest)) > _MAX_SOCKET_BYTES:
        raise StoreError(
            longest,
            f"longer than {_MAX_SOCKET_BYTES} bytes, the limit of Unix sockets",
            "choose a shorter --run-dir",
        )
    return folder
