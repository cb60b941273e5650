"""As whom a command runs."""

from __future__ import annotations

import grp
import os
import pwd
from typing import NamedTuple

from accredit.identity.errors import DeployError

_MAX_ID = 2**32 - 2  # the last one means: nobody, stay as you are


class Credentials(NamedTuple):
    """What a child takes on between fork and exec; None means: stays as we are."""

    uid: int | None = None
    gid: int | None = None
    groups: tuple[int, ...] | None = None


def resolve(user: str, group: str) -> Credentials:
    """Return the ids of a user, with all groups it is in, and of a group, if not its first.

    Raises:
        DeployError: there is no such user or group, or only root could become it.
    """
    if not user and not group:
        return Credentials()
    if os.geteuid() != 0:
        return _ourselves(user, group)
    found = _user(user or "0")
    gid = _group(group) if group else found.pw_gid
    return Credentials(found.pw_uid, gid, tuple(os.getgrouplist(found.pw_name, gid)))


def _ourselves(user: str, group: str) -> Credentials:
    """Require that nobody else is meant; our own uid may have no account, as in a container."""
    found = _user(user) if user else None
    uid = found.pw_uid if found else os.geteuid()
    gid = _group(group) if group else found.pw_gid if found else os.getegid()
    if (uid, gid) != (os.geteuid(), os.getegid()):
        wanted = ":".join(filter(None, (user, group)))
        raise DeployError(f"only root can run a command as {wanted}; leave out user and group")
    return Credentials()


def _user(name: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwuid(int(name)) if name.isdecimal() else pwd.getpwnam(name)
    except KeyError:
        raise DeployError(f"there is no user {name!r}; correct 'user', or add it") from None


def _group(name: str) -> int:
    if name.isdecimal() and int(name) <= _MAX_ID:
        return int(name)
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise DeployError(f"there is no group {name!r}; correct 'group', or add it") from None
