"""From YAML events to nodes, as tolerant as Envoy's own reader and bounded.

Envoy takes tags, ``yes`` for true, a key given twice (the last counts), and leaves out keys tagged
``!ignore``. It knows no merge keys.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from accredit.envoy.lint.node import Kind, Node
from accredit.identity.errors import ConfigError, Mistake
from accredit.identity.yaml_events import events
from accredit.identity.yaml_tree import Key, TreeReader, line_of, too_deep

_MAX_DEPTH = 100
_NULL = frozenset({"", "~", "null"})
_LITERAL = frozenset({"|", ">"})


def compose(text: str, path: str) -> Node:
    """Return the root of the document in ``text``; ``path`` names the file in errors.

    Raises:
        ConfigError: it is no YAML or JSON, too large, too deep, or no mapping.
    """
    root = _Composer(path, events(text, path, too_deep(_MAX_DEPTH))).document()
    if root is None or root.kind is not Kind.MAP:
        reason = "is no Envoy bootstrap: expected a mapping such as static_resources: ..."
        raise ConfigError([Mistake(path, None, "", reason)])
    return root


class _Composer(TreeReader[Node]):
    def __init__(self, path: str, found: Iterator[yaml.Event]) -> None:
        super().__init__(path, found, _MAX_DEPTH)

    def _build(self, event: yaml.Event, key: Key) -> Node:
        node = Node(Kind.SCALAR, line_of(event), _start(event), _end(event))
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

    def _again(self, found: Node, event: yaml.Event) -> Node:
        node = Node(found.kind, line_of(event), _start(event), _end(event))
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
            child.line = line_of(event)
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


# The parser always gives marks; its stubs do not say so.
def _column(event: Any) -> int:
    return int(event.start_mark.column)


def _start(event: Any) -> int:
    return int(event.start_mark.index)


def _end(event: Any) -> int:
    return int(event.end_mark.index)
