"""A server's private key, which nobody but its owner may have read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from accredit.identity.errors import ConfigError, Mistake

_MAX_BYTES = 64 << 10


def read_key(path: Path) -> bytes:
    """Return the content of the file: a secret.

    Its group may read it, which is how servers are given keys by their system.

    Raises:
        ConfigError: it cannot be read, is no regular file, too large, or open to others.
    """
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            found = os.fstat(file.fileno())
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise _mistake(path, f"cannot be read: {(error.strerror or str(error)).lower()}") from None
    if not stat.S_ISREG(found.st_mode) or len(data) > _MAX_BYTES:
        raise _mistake(path, f"is not a regular file of at most {_MAX_BYTES} bytes")
    if found.st_mode & (stat.S_IRWXO | stat.S_IWGRP):
        raise _mistake(path, f"is open to others; run: chmod 600 {path}")
    return data


def _without_waiting(path: str, flags: int) -> int:
    # A pipe would wait for its writer.
    return os.open(path, flags | os.O_NONBLOCK)


def _mistake(path: Path, reason: str) -> ConfigError:
    return ConfigError([Mistake(str(path), None, "", reason)])
