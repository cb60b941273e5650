"""From YAML events to nodes that know their line; bounded before anything is built."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

import yaml

from accredit.identity.yaml_tree import Key, TreeReader, line_of, too_deep

Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str, Plain] | None"

_MAX_DEPTH = 32
TOO_DEEP = too_deep(_MAX_DEPTH)
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


class Composer(TreeReader[Node]):
    """Builds one document; ``mistakes`` holds the duplicate keys it met on the way."""

    def __init__(self, path: str, events: Iterator[yaml.Event]) -> None:
        super().__init__(path, events, _MAX_DEPTH)

    def _build(self, event: yaml.Event, key: Key) -> Node:
        if getattr(event, "tag", None) is not None:
            self._refuse(event, key, "has a tag; tags such as !!str are not supported")
        node = Node(None, line_of(event))
        if isinstance(event, yaml.ScalarEvent):
            node.data = self._scalar(event, key)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._sequence(node, key)
        else:
            self._mapping(node, key)
        return node

    def _again(self, found: Node, event: yaml.Event) -> Node:
        return Node(found.data, line_of(event), found.children, found.size)

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
            line = line_of(event)
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
