"""A place in a bootstrap: a value, or where one would stand; read as protobuf's JSON is.

Each field is known by its name in the proto and by the camelCase one; single messages stand for
lists of one; numbers and booleans may be quoted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from accredit.envoy.lint.node import Data, Kind, Node
from accredit.identity.yaml_tree import Key

_TRUE = frozenset({"true", "yes", "on", "y"})
_FALSE = frozenset({"false", "no", "off", "n"})
_OCTAL = re.compile(r"0[0-7]+")
_UPPER = re.compile(r"(?<=[a-z0-9])([A-Z])")
_NUMBER = re.compile(r"-?[0-9]{1,20}(?:\.[0-9]{0,20})?")
_STRUCTS = ("xds.type.v3.TypedStruct", "udpa.type.v1.TypedStruct")


@lru_cache(1024)
def camel(name: str) -> str:
    """Return a field's JSON name; what is no proto name stays."""
    if not name.replace("_", "").isalnum():
        return name
    first, *rest = name.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest)


@lru_cache(1024)
def snake(name: str) -> str:
    """Return a field's name in the proto; what is no JSON name stays."""
    return name if not name.isalnum() else _UPPER.sub(lambda found: "_" + found[1].lower(), name)


@dataclass(frozen=True, slots=True)
class Place:
    """Where ``node`` is, or would be: ``path`` and the line nearest to it. True if it is there."""

    node: Node | None
    path: Key
    line: int

    def __bool__(self) -> bool:
        return self.node is not None and not (
            self.node.kind is Kind.SCALAR and self.node.scalar is None
        )

    def has(self, name: str) -> bool:
        """Whether there is a field of that name."""
        return self.node is not None and bool({name, camel(name)} & self.node.children.keys())

    def get(self, *names: str) -> Place:
        """Return the field so reached, in the spelling of the document."""
        here = self
        for name in names:
            here = here._field(name)
        return here

    def _field(self, name: str) -> Place:
        children = {} if self.node is None else self.node.children
        for spelling in (name, camel(name)):
            if spelling in children:
                return self._child(spelling)
        return Place(None, (*self.path, name), self.line)

    def _child(self, key: str | int) -> Place:
        assert self.node is not None  # noqa: S101  who asks has seen its children
        child = self.node.children[key]
        return Place(child, (*self.path, key), child.line)

    def items(self) -> list[Place]:
        """Return the items of a list; what is no list is its only one."""
        if not self or self.node is None:
            return []
        if self.node.kind is not Kind.LIST:
            return [self]
        return [self._child(key) for key in self.node.children]

    def fields(self) -> Iterator[tuple[str, Place]]:
        """Yield name and place of each field of a mapping."""
        if self.node is not None and self.node.kind is Kind.MAP:
            for key in self.node.children:
                yield str(key), self._child(key)

    def parts(self) -> list[Place]:
        """Return all that is directly inside."""
        return [] if self.node is None else [self._child(key) for key in self.node.children]

    @property
    def data(self) -> Data:
        """The plain value, each scalar as text; None where nothing is."""
        return None if self.node is None else self.node.data()

    @property
    def text(self) -> str:
        """A scalar's text; empty for everything else."""
        return "" if self.node is None or self.node.scalar is None else self.node.scalar

    @property
    def is_true(self) -> bool:
        """Whether this says true."""
        return self.text.lower() in _TRUE

    @property
    def is_false(self) -> bool:
        """Whether this says false, which silence does not."""
        return self.text.lower() in _FALSE

    @property
    def number(self) -> float | None:
        """The number, an octal one included, or None."""
        text = self.text
        if _OCTAL.fullmatch(text):
            return int(text, 8)
        return float(text) if _NUMBER.fullmatch(text) else None

    @property
    def seconds(self) -> float | None:
        """A duration such as ``0.25s``, or a number of seconds in a mapping, or None."""
        if self.node is not None and self.node.kind is Kind.MAP:
            return self.get("seconds").number or 0
        text = self.text
        return float(text[:-1]) if text.endswith("s") and _NUMBER.fullmatch(text[:-1]) else None

    def enum(self, *values: str) -> str:
        """Return the name here in upper case; ``values`` are the names by number."""
        number = self.number
        if number is not None and 0 <= number < len(values):
            return values[int(number)].upper()
        return self.text.upper()

    @property
    def message(self) -> str:
        """The whole name of the message in an Any, such as ``envoy.config.rbac.v3.RBAC``."""
        url = self.get("type_url").text if self._is_struct else self.get("@type").text
        return url.rpartition("/")[2]

    @property
    def content(self) -> Place:
        """Where the fields of the message in an Any are: here, or in a TypedStruct's value."""
        return self.get("value") if self._is_struct else self

    @property
    def _is_struct(self) -> bool:
        return self.get("@type").text.rpartition("/")[2] in _STRUCTS


def walk(place: Place) -> Iterator[Place]:
    """Yield ``place`` and everything inside it, in the order of the text."""
    waiting = [place]
    while waiting:
        here = waiting.pop()
        yield here
        waiting.extend(reversed(here.parts()))


def messages(place: Place, *names: str) -> Iterator[Place]:
    """Yield the content of each Any inside ``place`` whose message's name ends with one of these.

    Whole parts of a name only, such as ``RBAC`` or ``mtls_authenticated.v3.Config``.
    """
    ends = tuple("." + name for name in names)
    for here in walk(place):
        if here.has("@type") and here.message.endswith(ends):
            yield here.content
