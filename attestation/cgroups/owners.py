"""Who could have made the cgroup that carries a container's name.

Whoever may write to a directory of cgroups may make one below it with any name, and move
processes there; systemd gives every logged-in user such a directory. A name therefore only proves
something if nobody but root could write on the way to it.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path

from accredit.attestation.cgroups.hierarchies import Hierarchies
from accredit.identity.errors import AttestationError, UnavailableError

_WRITABLE = stat.S_IWGRP | stat.S_IWOTH


def owners(folders: Mapping[str, str], hierarchies: Hierarchies) -> Mapping[int, str]:
    """Return the users who own a directory on the way to any of ``folders``, with one of theirs.

    A hierarchy that is not mounted here proves nothing, and need not while another one does.

    Raises:
        AttestationError: none can be seen from here, or others than its owner may write to one.
        UnavailableError: one has gone meanwhile, or nothing can be read.
    """
    found: dict[int, str] = {}
    for hierarchy, folder in folders.items():
        place = _place(hierarchy, hierarchies)
        if place is not None:
            found |= _on_the_way(place, folder, hierarchies)
    if not found:
        raise AttestationError(
            "the cgroups of the container cannot be seen from here: let the agent see all of the "
            "host's /sys/fs/cgroup (docker, podman: --volume /sys/fs/cgroup:/sys/fs/cgroup:ro)"
        )
    return found


def _place(hierarchy: str, hierarchies: Hierarchies) -> str | None:
    try:
        return hierarchies.place(hierarchy)
    except (OSError, ValueError) as error:
        raise UnavailableError(f"cannot read the mounts of cgroups: {error}") from error


def _on_the_way(place: str, folder: str, hierarchies: Hierarchies) -> Mapping[int, str]:
    path = Path(place)
    found = {_owner(path, hierarchies): str(path)}
    for name in folder.strip("/").split("/"):
        path /= name
        found.setdefault(_owner(path, hierarchies), str(path))
    return found


def _owner(path: Path, hierarchies: Hierarchies) -> int:
    try:
        status = path.lstat()
    except OSError as error:
        hierarchies.forget()
        raise UnavailableError(f"cannot look at cgroup {str(path)!r}: {error.strerror}") from error
    if not stat.S_ISDIR(status.st_mode):
        raise AttestationError(f"{str(path)!r} is no cgroup")
    if status.st_mode & _WRITABLE:
        raise AttestationError(f"cgroup {str(path)!r} can be written to by others than its owner")
    return status.st_uid
