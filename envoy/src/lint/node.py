"""What a bootstrap's text holds: values that know where they stand, to the character."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

Data: TypeAlias = "str | list[Data] | dict[str, Data] | None"


class Kind(Enum):
    """The three shapes of a YAML value."""

    SCALAR = "scalar"
    LIST = "list"
    MAP = "map"


@dataclass(slots=True)
class Node:
    """A value, the line it is found by, and its part of the text, ``text[start:end]``.

    A value in a mapping is found by the line of its key. ``scalar`` is a scalar's text, None for
    null. An alias has a place of its own, and the parts of what it stands for. ``repeated`` holds
    the keys that a mapping gives twice; as in Envoy, the last one counts.
    """

    kind: Kind
    line: int
    start: int
    end: int
    scalar: str | None = None
    flow: bool = False
    literal: bool = False
    alias: bool = False
    children: dict[str | int, Node] = field(default_factory=dict)
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)
    repeated: list[tuple[str, int]] = field(default_factory=list)
    size: int = 1

    def data(self) -> Data:
        """Return the plain value, each scalar as text: what two texts must share to be equal."""
        match self.kind:
            case Kind.SCALAR:
                return self.scalar
            case Kind.LIST:
                return [child.data() for child in self.children.values()]
            case Kind.MAP:
                return {str(name): child.data() for name, child in self.children.items()}
