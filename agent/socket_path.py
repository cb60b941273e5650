"""Taking and giving back the path of a Unix socket."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from accredit.identity.errors import StoreError

MAX_PATH_BYTES = 107  # sun_path, less its final zero

_BACKLOG = 4096


def parse_path(text: object) -> Path:
    """Return the path of a Unix socket, ``unix:`` before it or not.

    Raises:
        ValueError: it is no such thing, or the address of something else.
    """
    if not isinstance(text, str):
        raise ValueError("expected a path")  # noqa: TRY004  of a file that a person wrote
    if text.startswith("tcp:"):
        # Workload Endpoint section 3: TCP needs a network that authenticates the caller.
        raise ValueError("a TCP caller cannot be identified; expected a unix socket's path")
    path = text.removeprefix("unix://").removeprefix("unix:")
    if path.startswith("@"):
        raise ValueError("an abstract socket has no file permissions; expected a path")
    if not path or "\0" in path:
        raise ValueError("expected a path")
    return Path(path)


@contextmanager
def listening(path: Path, mode: int = 0o666, folder_mode: int = 0o755) -> Iterator[socket.socket]:
    """Listen on ``path`` with a non-blocking socket, and remove it at the end.

    A missing folder is created with ``folder_mode``, and what is above it so that all may enter. A
    socket left behind by a process that is gone is replaced.

    Raises:
        StoreError: the path is too long, in use, no socket, or not ours to create.
    """
    if len(os.fsencode(path)) > MAX_PATH_BYTES:
        raise StoreError(
            path, f"longer than {MAX_PATH_BYTES} bytes, the limit of Unix sockets", "shorten it"
        )
    make_folder(path.parent, folder_mode)
    _remove_stale(path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as sock:
        try:
            sock.bind(str(path))
            path.chmod(mode)
            sock.listen(_BACKLOG)
        except OSError as error:
            raise _refused(path, "listen here", error) from error
        inode = path.stat().st_ino
        try:
            yield sock
        finally:
            _remove_own(path, inode)


def make_folder(folder: Path, mode: int) -> None:
    """Create ``folder`` with ``mode`` if it is missing, and missing parents with 0755.

    Sockets for everybody and for nobody else share a parent, whichever of them comes first.

    Raises:
        StoreError: it cannot be created.
    """
    try:
        missing = [each for each in (folder, *folder.parents) if not each.exists()]
        for each in reversed(missing):
            wanted = mode if each == folder else 0o755
            each.mkdir(wanted, exist_ok=True)
            each.chmod(wanted)  # whatever the umask
    except OSError as error:
        raise _refused(folder, "create this folder", error) from error


def _refused(path: Path, what: str, error: OSError) -> StoreError:
    cure = ""
    if isinstance(error, PermissionError):
        cure = f"let uid {os.geteuid()} do so, or choose another path"
    return StoreError(path, f"cannot {what}: {(error.strerror or str(error)).lower()}", cure)


def _remove_stale(path: Path) -> None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise _refused(path, "look here", error) from error
    if not stat.S_ISSOCK(found.st_mode):
        raise StoreError(path, "exists and is no socket", "move it away")
    if answers(path):
        raise StoreError(path, "another process is serving here", "stop it or choose another path")
    path.unlink(missing_ok=True)


def answers(path: Path) -> bool:
    """Whether a process listens on the socket at ``path``."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as probe:
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            return True  # a full backlog, or one we may not talk to: somebody is there
    return True


def _remove_own(path: Path, inode: int) -> None:
    """Remove the socket unless another process has put its own in our place."""
    try:
        if path.stat().st_ino == inode:
            path.unlink()
    except FileNotFoundError:
        pass
