"""Reads files whose writer decides who gets which identity."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

from accredit.identity.errors import ConfigError, Mistake

_MAX_BYTES = 8 * 1024 * 1024
_logger = logging.getLogger(__name__)


def read_trusted(path: Path) -> str:
    """Return the text of a regular file that nobody but root and our own user could have written.

    One that its group can write is refused to root, and logged for others, whose group is often
    theirs alone.

    Raises:
        ConfigError: it cannot be read, is too large, not UTF-8, or open to others.
    """
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            _check(path, os.fstat(file.fileno()))
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise _mistake(path, f"cannot be read: {(error.strerror or str(error)).lower()}") from None
    if len(data) > _MAX_BYTES:
        raise _mistake(path, f"is larger than {_MAX_BYTES} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _mistake(path, "is not UTF-8 text", line) from None


def _without_waiting(path: str, flags: int) -> int:
    # A pipe would wait for its writer.
    return os.open(path, flags | os.O_NONBLOCK)


def _check(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise _mistake(path, "is not a regular file")
    if found.st_uid not in {0, os.geteuid()}:
        raise _mistake(path, f"belongs to uid {found.st_uid}; give it to root or to our own user")
    if found.st_mode & stat.S_IWOTH:
        raise _mistake(path, "can be written by every user; chmod o-w it")
    if found.st_mode & stat.S_IWGRP:
        if os.geteuid() == 0 and found.st_gid != 0:
            raise _mistake(path, f"can be written by group {found.st_gid}; chmod g-w it")
        _logger.warning("file can be written by its group", extra={"path": str(path)})


def _mistake(path: Path, reason: str, line: int | None = None) -> ConfigError:
    return ConfigError([Mistake(str(path), line, "", reason)])
