"""What the kernel refused, in words, with the cure."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from accredit.identity.errors import StoreError

_KEPT = "the files that were there still are"
_CURES = {
    errno.ENOSPC: f"make room on that disk; {_KEPT}",
    errno.EDQUOT: f"raise the quota of accredit's user; {_KEPT}",
    errno.EFBIG: f"raise the limit on the size of files; {_KEPT}",
    errno.EROFS: "mount it writable, or choose another folder",
    errno.EACCES: "run accredit as the user who owns it, or chown it",
    errno.EPERM: "run accredit as root, or set owner and group to its user's own",
    errno.ENOENT: "it was removed meanwhile; it is made again at the next try",
    errno.ENOTDIR: "move away what is there, or choose another folder",
    errno.EEXIST: "move away what is there, or choose another folder",
    errno.EISDIR: "move away what is there, or choose another folder",
    errno.ENAMETOOLONG: "choose a shorter path",
    errno.ELOOP: "replace the link by a folder, or name the folder it leads to",
    errno.EIO: f"look at the disk; {_KEPT}",
}


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn what the kernel refuses meanwhile into errors that name the place and the cure.

    Raises:
        StoreError: for every OSError.
    """
    try:
        yield
    except OSError as error:
        raise in_words(path, error) from error


def in_words(path: Path, error: OSError) -> StoreError:
    """Return the error for what the kernel refused somewhere in the folder ``path``."""
    place = path
    if isinstance(error.filename, str) and not error.filename.startswith("/"):
        place = path / error.filename
    reason = (error.strerror or str(error)).lower()
    return StoreError(place, reason, _CURES.get(error.errno or 0, ""))
