"""What a rendering needs of the machine: passwords, and the numbers of users and groups."""

from __future__ import annotations

import grp
import pwd
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from accredit.file_output.password_file import read_password
from accredit.file_output.spec import FileSpec
from accredit.identity.errors import ConfigError, Mistake

_T = TypeVar("_T")
_MAX_ID = 2**32 - 2  # the last one means "leave it as it is" to the kernel


@dataclass(frozen=True, slots=True)
class Given:
    """``passwords`` by the path of their file, ``uids`` and ``gids`` by what a spec calls them."""

    passwords: Mapping[str, str] = field(default_factory=dict, repr=False)
    uids: Mapping[str, int] = field(default_factory=dict)
    gids: Mapping[str, int] = field(default_factory=dict)


def look_up(specs: Iterable[FileSpec]) -> Given:
    """Read the password files and look up users and groups, as they are now.

    Raises:
        ConfigError: a password cannot be had, or there is no such user or group; all of these.
    """
    specs = tuple(specs)
    mistakes: list[Mistake] = []
    passwords = _each((spec.password_file for spec in specs), read_password, mistakes)
    uids = _each((spec.owner for spec in specs), _uid, mistakes)
    gids = _each((spec.group for spec in specs), _gid, mistakes)
    if mistakes:
        raise ConfigError(mistakes)
    return Given(passwords, uids, gids)


def _each(
    names: Iterable[str], find: Callable[[str], _T], mistakes: list[Mistake]
) -> dict[str, _T]:
    found: dict[str, _T] = {}
    for name in dict.fromkeys(names):
        try:
            if name:
                found[name] = find(name)
        except ConfigError as error:
            mistakes.extend(error.mistakes)
    return found


def _uid(name: str) -> int:
    return _number(name, "user", lambda: pwd.getpwnam(name).pw_uid)


def _gid(name: str) -> int:
    return _number(name, "group", lambda: grp.getgrnam(name).gr_gid)


def _number(name: str, what: str, find: Callable[[], int]) -> int:
    if name.isascii() and name.isdigit() and len(name) <= len(str(_MAX_ID)):
        number = int(name)
        if number <= _MAX_ID:
            return number
    try:
        return find()
    except (KeyError, ValueError):
        raise ConfigError(
            [Mistake(name[:100], None, "", f"there is no such {what} on this machine")]
        ) from None
