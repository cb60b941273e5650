"""The password of a keystore, in a file of its own."""

from __future__ import annotations

import stat
from pathlib import Path

from accredit.authority.trusted_text import read_trusted
from accredit.identity.errors import ConfigError, Mistake

# keytool takes none that is shorter; and readers differ on what other characters mean.
_MIN_CHARS, _MAX_CHARS = 6, 256


def read_password(path: str) -> str:
    """Return the first line of a file that is nobody else's to read.

    Raises:
        ConfigError: it cannot be read, is open to others, or holds no password that all programs
            understand alike.
    """
    text = read_trusted(Path(path))
    if Path(path).stat().st_mode & stat.S_IROTH:
        raise _mistake(path, "holds a password and can be read by every user; chmod o-r it")
    password = text.removesuffix("\n").removesuffix("\r")
    if not _MIN_CHARS <= len(password) <= _MAX_CHARS:
        raise _mistake(path, f"expected a password of {_MIN_CHARS} to {_MAX_CHARS} characters")
    if not (password.isascii() and password.isprintable()):
        raise _mistake(path, "expected a password on one line, in printable ASCII")
    return password


def _mistake(path: str, reason: str) -> ConfigError:
    return ConfigError([Mistake(path, None, "", reason)])
