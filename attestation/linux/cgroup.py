"""The cgroup of a caller, if nobody but root can have put it there."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from pathlib import Path

from accredit.attestation.cgroups.hierarchies import Hierarchies
from accredit.attestation.cgroups.membership import Membership, parse_memberships
from accredit.attestation.cgroups.owners import owners
from accredit.attestation.evidence import Evidence
from accredit.attestation.process import Process
from accredit.identity.errors import AttestationError, UnavailableError
from accredit.identity.selector import Selector

_KEY = "linux:cgroup"
# Who may write to one of these moves processes: v2's and v1's.
_DOORS = ("cgroup.procs", "cgroup.threads", "tasks")
_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_DELETED = " (deleted)"
_MAX_CHARS = 4000
_NOTHING = Evidence(frozenset())


def cgroup(process: Process, hierarchies: Hierarchies) -> Evidence:
    """Return the whole path, of cgroup v2 or else of the hierarchy of v1 that systemd keeps.

    A cgroup that was handed to a user is left out, without being a failure: every desktop has such.
    """
    try:
        membership = _membership(parse_memberships(process.read("cgroup")), hierarchies)
        if membership is None or not _is_nameable(membership.path):
            return _NOTHING
        if not _is_of_root(membership, hierarchies):
            return _NOTHING
    except AttestationError as error:
        return Evidence(frozenset(), {_KEY: str(error)})
    except UnavailableError as error:
        return Evidence(frozenset(), {_KEY: str(error)}, retry=True)
    return Evidence(frozenset({Selector("linux", f"cgroup:{membership.path}")}))


def _membership(found: Sequence[Membership], hierarchies: Hierarchies) -> Membership | None:
    by_name = {each.hierarchy: each for each in found}
    for name in ("", "name=systemd"):
        if name in by_name and hierarchies.place(name) is not None:
            return by_name[name]
    return None


def _is_nameable(path: str) -> bool:
    return path.isprintable() and len(path) < _MAX_CHARS and not path.endswith(_DELETED)


def _is_of_root(membership: Membership, hierarchies: Hierarchies) -> bool:
    on_the_way = owners({membership.hierarchy: membership.path}, hierarchies)
    if set(on_the_way) != {0}:
        return False
    folder = Path(f"{hierarchies.place(membership.hierarchy)}{membership.path}")
    return all(_is_shut(folder / door) for door in _DOORS)


def _is_shut(door: Path) -> bool:
    try:
        found = door.lstat()
    except FileNotFoundError:
        return True  # of the other version
    except OSError as error:
        raise UnavailableError(f"cannot look at {str(door)!r}: {error.strerror}") from error
    return found.st_uid == 0 and not found.st_mode & _OTHERS
