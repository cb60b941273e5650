"""Reads the configuration file, unless somebody else could have written it."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

from accredit.identity.errors import ConfigError, Mistake

_MAX_BYTES = 64 * 1024 * 1024
_logger = logging.getLogger(__name__)


def read_config_text(path: Path) -> str:
    """Return the content of ``path``.

    Whoever can write it decides who gets which identity. So a file that belongs to another user
    than root and our own, or that every user can write, is refused; one that its group can write
    is refused to root and logged for others, whose group is often theirs alone.

    Raises:
        ConfigError: it cannot be read, is not text, or is open to others.
    """
    try:
        with path.open("rb") as file:
            _check_owner(path, os.fstat(file.fileno()))
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise _mistake(path, f"cannot be read: {(error.strerror or str(error)).lower()}") from None
    if len(data) > _MAX_BYTES:
        raise _mistake(path, f"is larger than {_MAX_BYTES} bytes")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError([Mistake(str(path), line, "", "is not UTF-8 text")]) from None


def _check_owner(path: Path, found: os.stat_result) -> None:
    if stat.S_ISREG(found.st_mode) and found.st_uid not in {0, os.geteuid()}:
        raise _mistake(path, f"belongs to uid {found.st_uid}; give it to root or to our own user")
    if found.st_mode & stat.S_IWOTH:
        raise _mistake(path, "can be written by every user; chmod o-w it")
    if found.st_mode & stat.S_IWGRP:
        if os.geteuid() == 0 and found.st_gid != 0:
            raise _mistake(path, f"can be written by group {found.st_gid}; chmod g-w it")
        _logger.warning("configuration can be written by its group", extra={"path": str(path)})


def _mistake(path: Path, reason: str) -> ConfigError:
    return ConfigError([Mistake(str(path), None, "", reason)])
