"""Which unit of a user's own manager a cgroup belongs to. Pure.

The user made everything below ``user@UID.service``, so this is the user's word and no more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from accredit.attestation.cgroups.membership import Membership
from accredit.attestation.systemd.unit import Unit, users_manager
from accredit.identity.selector import Selector

NAME = "systemd-user"
# Where systemd keeps its cgroups: in v2, in its own hierarchy of v1, or in both.
_HIERARCHIES = ("", "name=systemd")
_UNIT = re.compile(r"[\w:.\\@-]{1,240}\.(?:service|scope|socket|mount|swap)", re.ASCII)
_SLICE = re.compile(r"[\w:.\\@-]{1,240}\.slice", re.ASCII)
_ROOT_SLICE = "-.slice"


@dataclass(frozen=True, slots=True)
class UserUnit:
    """A unit of the manager that user ``uid`` has."""

    uid: int
    name: str
    slice: str


def user_unit(manager: Unit, memberships: Sequence[Membership]) -> UserUnit | None:
    """Return the unit inside ``manager``; None if that is no user's manager, or names none."""
    uid = users_manager(manager.name)
    if uid is None or not manager.control_group:
        return None
    prefix = f"{manager.control_group}/"
    for each in sorted(memberships, key=lambda each: each.hierarchy):
        if each.hierarchy in _HIERARCHIES and each.path.startswith(prefix):
            return _below(uid, each.path.removeprefix(prefix))
    return None


def selectors(unit: UserUnit) -> Iterator[Selector]:
    """Yield what is known of it, each value beginning with the user whose word it is."""
    yield Selector(NAME, f"{unit.uid}:id:{unit.name}")
    yield Selector(NAME, f"{unit.uid}:slice:{unit.slice}")


def _below(uid: int, path: str) -> UserUnit | None:
    # As systemd reads a path: slices first, then the unit, and below it the unit's own affairs.
    inside = _ROOT_SLICE
    for name in path.split("/"):
        if _SLICE.fullmatch(name):
            inside = name
        elif _UNIT.fullmatch(plain := name.removeprefix("_")):
            return UserUnit(uid, plain, inside)
        else:
            return None
    return None
