"""A folder of our own for a socket that only we may reach."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from accredit.agent.socket_path import MAX_PATH_BYTES, answers, make_folder
from accredit.identity.errors import StoreError

_PREFIX = "grpc-"
_SOCKET = "socket"


@contextmanager
def private_socket_path(parent: Path) -> Iterator[Path]:
    """Give a path for a socket in a new folder below ``parent``, and remove both at the end.

    Folders left behind by processes that are gone are removed first.

    Raises:
        StoreError: ``parent`` cannot be used, or others could put something in its place.
    """
    make_folder(parent, 0o700)
    try:
        _require_ours(parent)
        _remove_stale(parent)
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    except OSError as error:
        raise StoreError(parent, f"cannot be used: {error.strerror}") from error
    try:
        yield _short(folder / _SOCKET)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _require_ours(folder: Path) -> None:
    found = folder.stat()
    if found.st_uid not in {os.geteuid(), 0}:
        raise StoreError(folder, f"belongs to uid {found.st_uid}", "choose another folder")
    if stat.S_IMODE(found.st_mode) & 0o022:
        raise StoreError(folder, "others may write here", "chmod 0700")


def _remove_stale(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*"):
        if not answers(folder / _SOCKET):
            shutil.rmtree(folder, ignore_errors=True)


def _short(path: Path) -> Path:
    if len(os.fsencode(path)) > MAX_PATH_BYTES:
        raise StoreError(
            path, f"longer than {MAX_PATH_BYTES} bytes, the limit of Unix sockets", "shorten it"
        )
    return path
