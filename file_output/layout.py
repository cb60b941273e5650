"""The names in an output's folder: a contract with those who read it.

::

    current -> sets/7.5f0c...    the one switch; replaced by rename(2)
    previous -> sets/6.91ab...   what was current before
    sets/7.5f0c.../tls.crt       never changed once it is here
    tls.crt -> current/tls.crt   for programs that are given one path a file
    .accredit.lock               held by the accredit that writes here

Names with a leading dot are work in progress; what a dead process left of them is removed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

CURRENT, PREVIOUS, SETS = "current", "previous", "sets"
LOCK, PART, LINK = ".accredit.lock", ".accredit.part", ".accredit.link"

_NAME = re.compile(r"([1-9][0-9]{0,18})\.([0-9a-z]{1,64})")


@dataclass(frozen=True, slots=True, order=True)
class SetName:
    """The name of a set: a number that only grows, and the version of its content.

    Raises:
        ValueError: the version could lead out of the folder.
    """

    number: int
    version: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(str(self)):
            raise ValueError(f"{str(self)[:100]!r} is not a number and a version of [0-9a-z]")

    @classmethod
    def parse(cls, text: str) -> SetName | None:
        """Return the name, or None for one that accredit did not give."""
        found = _NAME.fullmatch(text)
        return cls(int(found[1]), found[2]) if found else None

    @classmethod
    def of_link(cls, target: str) -> SetName | None:
        """Return the set that a link of accredit leads to, or None for any other link."""
        folder, _, name = target.partition("/")
        return cls.parse(name) if folder == SETS else None

    @property
    def target(self) -> str:
        """What a link to this set holds."""
        return f"{SETS}/{self}"

    def __str__(self) -> str:
        return f"{self.number}.{self.version}"


def file_target(name: str) -> str:
    """Return what the link of one file holds."""
    return f"{CURRENT}/{name}"
