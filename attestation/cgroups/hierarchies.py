"""Where the hierarchies of cgroups are mounted, as this process sees them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from accredit.attestation import proc

_MOUNTS = Path("/proc/self/mountinfo")
_MAX_BYTES = 16 << 20  # a host with thousands of containers has as many lines
_ESCAPED = {"\\040": " ", "\\011": "\t", "\\012": "\n", "\\134": "\\"}


class Mount(NamedTuple):
    """One whole hierarchy: its place, and its controllers or name among other words."""

    place: str
    is_v2: bool
    words: frozenset[str]

    def shows(self, hierarchy: str) -> bool:
        """Whether this is the hierarchy that ``/proc/PID/cgroup`` calls so."""
        if self.is_v2 or not hierarchy:
            return self.is_v2 and not hierarchy
        return self.words.issuperset(hierarchy.split(","))


class Hierarchies:
    """Finds mount points; they are remembered until somebody misses a folder in one."""

    def __init__(self, mounts: Path = _MOUNTS) -> None:
        self._mounts = mounts
        self._known: Sequence[Mount] | None = None

    def place(self, hierarchy: str) -> str | None:
        """Return where the whole of ``hierarchy`` is mounted; None if it is not, or only a part.

        Raises:
            OSError: the mounts cannot be read.
            ValueError: they are too many.
        """
        if self._known is None:
            self._known = parse_mounts(_read(self._mounts))
        return next((mount.place for mount in self._known if mount.shows(hierarchy)), None)

    def forget(self) -> None:
        """Look again next time: a mount may have moved."""
        self._known = None


def parse_mounts(mountinfo: bytes) -> Sequence[Mount]:
    """Return the hierarchies that are mounted with their root, from ``/proc/self/mountinfo``."""
    lines = (_parse(os.fsdecode(line)) for line in mountinfo.split(b"\n"))
    return [mount for mount in lines if mount is not None]


def _parse(line: str) -> Mount | None:
    # proc(5): the number of optional fields before the dash varies.
    before, _, after = line.partition(" - ")
    where, what = before.split(" "), after.split(" ")
    if len(where) < 6 or len(what) < 3 or where[3] != "/":
        return None
    if what[0] not in {"cgroup", "cgroup2"}:
        return None
    return Mount(_plain(where[4]), what[0] == "cgroup2", frozenset(what[2].split(",")))


def _plain(place: str) -> str:
    for escaped, character in _ESCAPED.items():
        place = place.replace(escaped, character)
    return place


def _read(mounts: Path) -> bytes:
    folder = os.open(mounts.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return proc.read(folder, mounts.name, _MAX_BYTES)
    finally:
        os.close(folder)
