"""Whose connections are steered: users and cgroups as the kernel knows them."""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from accredit.envoy.sidecar import Redirect
from accredit.identity.yaml_lines import Key

_UID = re.compile(r"[0-9]{1,10}")
_NOBODY = 2**32 - 1  # (uid_t) -1, "no user" to the kernel
# Below this folder nft looks for a path, wherever the cgroups are mounted.
_NFT_ROOT = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class User:
    """A uid, and the word the file has for it."""

    uid: int
    name: str


@dataclass(frozen=True, slots=True)
class Cgroup:
    """A cgroup and all below it: its path below the mount point of cgroup v2."""

    path: str
    mount: Path = _NFT_ROOT

    @property
    def level(self) -> int:
        """How many steps below the root it is."""
        return self.path.count("/") + 1

    @property
    def folder(self) -> Path:
        """Where it is seen."""
        return self.mount / self.path

    @property
    def nft_path(self) -> str:
        """The path as nft takes it."""
        return os.path.relpath(self.folder, _NFT_ROOT)


@dataclass(frozen=True, slots=True)
class Programs:
    """The programs of any of these users, and those in any of these cgroups."""

    users: tuple[User, ...] = ()
    cgroups: tuple[Cgroup, ...] = ()


def find(redirect: Redirect, mounts: str, report: Callable[[Key, str], None]) -> Programs:
    """Look up the users; ``mounts`` is the text of ``/proc/self/mounts``.

    ``report(key, reason)`` is told of what there is not; keys count from the redirect's.
    """
    mount = cgroup_mount(mounts)
    users: dict[int, User] = {}
    for place, name in enumerate(redirect.users):
        uid = _uid(name)
        if uid is None:
            report(
                ("users", place), f"there is no user {name[:64]!r} here; create it, or give a uid"
            )
        else:
            users.setdefault(uid, User(uid, name))
    return Programs(
        tuple(users.values()), tuple(Cgroup(path.strip("/"), mount) for path in redirect.cgroups)
    )


def cgroup_mount(mounts: str) -> Path:
    """Return where cgroup v2 is mounted; on machines that have v1 too, not where v1 is."""
    for line in mounts.splitlines():
        _, place, kind, *_ = line.split(" ")
        if kind == "cgroup2":
            return Path(place)
    return _NFT_ROOT


def _uid(name: str) -> int | None:
    if _UID.fullmatch(name):
        return int(name) if int(name) < _NOBODY else None
    try:
        return pwd.getpwnam(name).pw_uid
    except (KeyError, ValueError):  # ValueError: a zero byte
        return None
