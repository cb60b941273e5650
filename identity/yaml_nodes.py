"""From YAML events to nodes that know their line; bounded before anything is built."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn, TypeAlias

import yaml

from accredit.identity.errors import ConfigError, Mistake

Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str, Plain] | None"
Key: TypeAlias = tuple[str | int, ...]

_MAX_DEPTH = 32
TOO_DEEP = f"is nested deeper than {_MAX_DEPTH} levels"
_MAX_VALUES = 500_000
_MAX_SHOWN = 100
_MAX_DIGITS = 100  # int() takes quadratic time
_WORDS: dict[str, Plain] = {"": None, "~": None, "null": None, "true": True, "false": False}
_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]{1,3})?")


@dataclass(slots=True)
class Node:
    """A value, the line it stands in, the nodes of its parts, and how many values it holds."""

    data: Plain
    line: int
    children: dict[str | int, Node] = field(default_factory=dict)
    size: int = 1


def show(key: Key) -> str:
    """Return ``key`` as people write it: ``entries[3].ttl``."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{_word(step)}" for step in key)
    return text.removeprefix(".")


def _word(step: str) -> str:
    # A key may hold anything, escape sequences of a terminal too.
    shown = step if step.isprintable() else repr(step)
    return shown if len(shown) <= _MAX_SHOWN else shown[:_MAX_SHOWN] + "..."


class Composer:
    """Builds one document; ``mistakes`` holds the duplicate keys it met on the way."""

    def __init__(self, path: str, events: Iterator[yaml.Event]) -> None:
        self.mistakes: list[Mistake] = []
        self._path = path
        self._events = events
        self._anchors: dict[str, Node] = {}
        self._values = 0

    def document(self) -> Node | None:
        """Return the root, or None where there is no document.

        Raises:
            ConfigError: the first thing that is too large, too deep or not supported.
        """
        root = None
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    self._refuse(event, (), "holds a second document after '---'; expected one")
                root = self._node(next(self._events), ())
        return root

    def _node(self, event: yaml.Event, key: Key) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, key)
        if getattr(event, "tag", None) is not None:
            self._refuse(event, key, "has a tag; tags such as !!str are not supported")
        self._count(event, key, 1)
        before = self._values
        node = self._build(event, key)
        node.size += self._values - before
        if anchor := getattr(event, "anchor", None):
            self._anchors[anchor] = node
        return node

    def _build(self, event: yaml.Event, key: Key) -> Node:
        node = Node(None, _line(event))
        if isinstance(event, yaml.ScalarEvent):
            node.data = self._scalar(event, key)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._sequence(node, key)
        else:
            self._mapping(node, key)
        return node

    def _alias(self, event: yaml.AliasEvent, key: Key) -> Node:
        node = self._anchors.get(event.anchor or "")
        if node is None:
            self._refuse(event, key, f"no anchor &{event.anchor} ends before this alias")
        self._count(event, key, node.size)
        return Node(node.data, _line(event), node.children, node.size)

    def _scalar(self, event: yaml.ScalarEvent, key: Key) -> Plain:
        text: str = event.value
        if not event.implicit[0]:
            return text
        if text in _WORDS:
            return _WORDS[text]
        number = int if _INT.fullmatch(text) else float if _FLOAT.fullmatch(text) else None
        if number is None:
            return text
        if len(text) > _MAX_DIGITS:
            self._refuse(event, key, f"is a number of more than {_MAX_DIGITS} digits")
        return number(text)

    def _sequence(self, node: Node, key: Key) -> None:
        items: list[Plain] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            child = self._node(event, (*key, len(items)))
            node.children[len(items)] = child
            items.append(child.data)
        node.data = items

    def _mapping(self, node: Node, key: Key) -> None:
        data: dict[str, Plain] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            name = self._name(event, key)
            child = self._node(next(self._events), (*key, name))
            # The key's line: a block value may start below it.
            line = _line(event)
            if name in data:
                first = node.children[name].line
                self._add(event, (*key, name), f"is given twice, first in line {first}")
                continue
            node.children[name] = Node(child.data, line, child.children, child.size)
            data[name] = child.data
        node.data = data

    def _name(self, event: yaml.Event, key: Key) -> str:
        if not isinstance(event, yaml.ScalarEvent) or event.tag is not None:
            self._refuse(event, key, "has a key that is not plain text")
        if event.value == "<<" and event.implicit[0]:
            self._refuse(event, key, "has a merge key; merge keys are not supported")
        return str(event.value)

    def _count(self, event: yaml.Event, key: Key, values: int) -> None:
        self._values += values
        if self._values > _MAX_VALUES:
            self._refuse(event, (), f"holds more than {_MAX_VALUES} values, aliases counted")
        if len(key) > _MAX_DEPTH:
            self._refuse(event, (), TOO_DEEP)

    def _add(self, event: yaml.Event, key: Key, reason: str) -> None:
        self.mistakes.append(Mistake(self._path, _line(event), show(key), reason))

    def _refuse(self, event: yaml.Event, key: Key, reason: str) -> NoReturn:
        self._add(event, key, reason)
        raise ConfigError(self.mistakes)


def _line(event: yaml.Event) -> int:
    mark = event.start_mark
    return 0 if mark is None else mark.line + 1
