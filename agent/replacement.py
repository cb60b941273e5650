"""One file replaced by its next version: whole, with the mode and owner it had."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def replace(path: Path, content: bytes) -> None:
    """Give the file ``path`` this content; a reader sees the old or the new, never half.

    A symlink stays one: the file it leads to is replaced.

    Raises:
        OSError: it cannot be written, or not with the owner it had; then nothing has changed.
    """
    target = path.resolve(strict=True)
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=".accredit-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            _copy_owner(target, file.fileno())
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _copy_owner(source: Path, descriptor: int) -> None:
    old, new = source.stat(), os.fstat(descriptor)
    if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
        os.fchown(descriptor, old.st_uid, old.st_gid)
    # After the owner: a change of owner may take bits away.
    os.fchmod(descriptor, old.st_mode & 0o7777)
