"""A cure as a change of one value in the document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from accredit.envoy.lint.place import Place

Value: TypeAlias = "str | int | bool | list[Value] | dict[str, Value]"


@dataclass(frozen=True, slots=True)
class Set:
    """Give the field at ``place`` this value, and make what is missing around it.

    In lists on the way only the first item can be made. ``value`` has proto field names.
    """

    place: Place
    value: Value


@dataclass(frozen=True, slots=True)
class Remove:
    """Take the field at ``place`` away."""

    place: Place


@dataclass(frozen=True, slots=True)
class Rename:
    """Put another field with this value in the place of the field at ``place``."""

    place: Place
    name: str
    value: Value


Edit: TypeAlias = Set | Remove | Rename
