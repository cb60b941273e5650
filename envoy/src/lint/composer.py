"""From YAML events to nodes, as tolerant as Envoy's own reader and bounded.

Envoy takes tags, ``yes`` for true, a key given twice (the last counts), and leaves out keys tagged
``!ignore``. It knows no merge keys.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

import yaml

from accredit.envoy.lint.node import Key, Kind, Node
from accredit.identity.errors import ConfigError, Mistake
from accredit.identity.yaml_events import events
from accredit.identity.yaml_nodes import show

_MAX_DEPTH = 100
_TOO_DEEP = f"is nested deeper than {_MAX_DEPTH} levels"
_MAX_VALUES = 500_000
_NULL = frozenset({"", "~", "null"})
_LITERAL = frozenset({"|", ">"})


def compose(text: str, path: str) -> Node:
    """Return the root of the document in ``text``; ``path`` names the file in errors.

    Raises:
        ConfigError: it is no YAML or JSON, too large, too deep, or no mapping.
    """
    root = _Composer(path, events(text, path, _TOO_DEEP)).document()
    if root is None or root.kind is not Kind.MAP:
        reason = "is no Envoy bootstrap: expected a mapping such as static_resources: ..."
        raise ConfigError([Mistake(path, None, "", reason)])
    return root


class _Composer:
    def __init__(self, path: str, found: Iterator[yaml.Event]) -> None:
        self._path = path
        self._events = found
        self._anchors: dict[str, Node] = {}
        self._values = 0

    def document(self) -> Node | None:
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
        self._count(event, key, 1)
        before = self._values
        node = self._build(event, key)
        node.size += self._values - before
        if anchor := getattr(event, "anchor", None):
            self._anchors[anchor] = node
        return node

    def _build(self, event: yaml.Event, key: Key) -> Node:
        node = Node(Kind.SCALAR, _line(event), _start(event), _end(event))
        if isinstance(event, yaml.ScalarEvent):
            plain = event.implicit[0] or event.tag == "tag:yaml.org,2002:null"
            node.scalar = None if plain and event.value in _NULL else event.value
            node.literal = event.style in _LITERAL
            return node
        node.flow = bool(getattr(event, "flow_style", False))
        if isinstance(event, yaml.SequenceStartEvent):
            node.kind = Kind.LIST
            self._list(node, key)
        else:
            node.kind = Kind.MAP
            self._map(node, key)
        return node

    def _alias(self, event: yaml.AliasEvent, key: Key) -> Node:
        found = self._anchors.get(event.anchor or "")
        if found is None:
            self._refuse(event, key, f"no anchor &{event.anchor} ends before this alias")
        self._count(event, key, found.size)
        node = Node(found.kind, _line(event), _start(event), _end(event))
        node.scalar, node.flow, node.size = found.scalar, found.flow, found.size
        node.children, node.keys, node.alias = found.children, found.keys, True
        return node

    def _list(self, node: Node, key: Key) -> None:
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            place = len(node.children)
            node.children[place] = self._node(event, (*key, place))
        node.end = _end(event)

    def _map(self, node: Node, key: Key) -> None:
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            name = self._name(event, key)
            child = self._node(next(self._events), (*key, name))
            if getattr(event, "tag", None) == "!ignore":
                continue
            # Found by its key: a block value may start below it.
            child.line = _line(event)
            if name in node.children:
                node.repeated.append((name, child.line))
            node.children[name] = child
            node.keys[name] = (_start(event), _column(event))
        node.end = _end(event)

    def _name(self, event: yaml.Event, key: Key) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            self._refuse(event, key, "has a key that is not plain text")
        if event.value == "<<" and event.implicit[0]:
            self._refuse(event, key, "has a merge key '<<', which Envoy refuses; write it out")
        return str(event.value)

    def _count(self, event: yaml.Event, key: Key, values: int) -> None:
        self._values += values
        if self._values > _MAX_VALUES:
            self._refuse(event, (), f"holds more than {_MAX_VALUES} values, aliases counted")
        if len(key) > _MAX_DEPTH:
            self._refuse(event, (), _TOO_DEEP)

    def _refuse(self, event: yaml.Event, key: Key, reason: str) -> NoReturn:
        raise ConfigError([Mistake(self._path, _line(event), show(key), reason)])


# The parser always gives marks; its stubs do not say so.
def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _column(event: Any) -> int:
    return int(event.start_mark.column)


def _start(event: Any) -> int:
    return int(event.start_mark.index)


def _end(event: Any) -> int:
    return int(event.end_mark.index)
