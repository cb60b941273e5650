"""What is known of a unit, and the selectors it comes to. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from accredit.identity.selector import Selector

NAME = "systemd"
_MANAGER = re.compile(r"user@(0|[1-9][0-9]{0,9})\.service", re.ASCII)


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of the system's manager; what it does not have is empty.

    ``control_group`` is only known of those that hold a user's manager.
    """

    name: str
    fragment_path: str = ""
    slice: str = ""
    invocation_id: str = ""
    control_group: str = ""


def users_manager(name: str) -> int | None:
    """Return the user whose own manager the unit of that name holds; None for another unit."""
    found = _MANAGER.fullmatch(name)
    return int(found[1]) if found else None


def selectors(unit: Unit) -> Iterator[Selector]:
    """Yield SPIRE's selectors ``id`` and ``fragment_path``, and ``slice`` and ``invocation_id``."""
    facts = {
        "id": unit.name,
        "fragment_path": unit.fragment_path,
        "slice": unit.slice,
        "invocation_id": unit.invocation_id,
    }
    for key, value in facts.items():
        if value:
            yield Selector(NAME, f"{key}:{value}")
