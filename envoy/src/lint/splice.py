"""Where in the text an edit changes what: a few characters, so that comments and layout stay."""

from __future__ import annotations

import re
from dataclasses import dataclass

from accredit.envoy.lint import render
from accredit.envoy.lint.edit import Edit, Remove, Rename, Set, Value
from accredit.envoy.lint.node import Kind, Node
from accredit.envoy.lint.place import camel
from accredit.identity.yaml_tree import Key

_CAMEL = re.compile(r"[a-z0-9]+[A-Z]\w*")


@dataclass(frozen=True, slots=True)
class Splice:
    """``text`` in the place of the characters from ``start`` to ``end``."""

    start: int
    end: int
    text: str


class Splicer:
    """Makes splices for one document; None where a person has to look."""

    def __init__(self, text: str, root: Node) -> None:
        self._text = text
        self._root = root

    def splice(self, edit: Edit) -> Splice | None:
        """Return the change of text that is ``edit``."""
        match edit:
            case Set(place, value):
                return self._set(place.path, value)
            case Remove(place):
                return self._remove(place.path)
            case Rename(place, name, value):
                return self._rename(place.path, name, value)

    def _set(self, path: Key, value: Value) -> Splice | None:
        node, rest = self._deepest(path)
        if node.kind is Kind.MAP and rest:
            return self._insert(node, str(rest[0]), _nested(rest[1:], value))
        if node.kind is Kind.SCALAR and (node.scalar is None or not rest):
            return self._replace(node, _nested(rest, value))
        return None

    def _deepest(self, path: Key) -> tuple[Node, Key]:
        here = self._root
        for depth, step in enumerate(path):
            if step not in here.children:
                return here, path[depth:]
            here = here.children[step]
        return here, ()

    def _replace(self, node: Node, value: Value) -> Splice | None:
        if node.literal or self._text[node.start : node.start + 1] in {"&", "!"}:
            return None
        text = render.flow(value, quoted=self._root.flow)
        return Splice(node.start, node.end, text if node.end > node.start else f" {text}")

    def _insert(self, node: Node, name: str, value: Value) -> Splice | None:
        if _is_camel(node):
            name, value = camel(name), render.camelled(value)
        if node.flow:
            return self._insert_flow(node, name, value)
        return self._insert_block(node, name, value)

    def _insert_flow(self, node: Node, name: str, value: Value) -> Splice | None:
        field = render.flow({name: value}, quoted=self._root.flow)[1:-1]
        if not node.keys:
            brace = self._text.find("{", node.start, node.end)
            return None if brace < 0 else Splice(brace + 1, node.end - 1, field)
        start = min(start for start, _ in node.keys.values())
        indent = self._text[self._line_start(start) : start]
        apart = " " if indent.strip() else f"\n{indent}"
        return Splice(start, start, f"{field},{apart}")

    def _insert_block(self, node: Node, name: str, value: Value) -> Splice:
        start, column = min(node.keys.values())
        field = render.block(name, value, column)
        pad = "\n" + " " * column
        for child in node.children.values():
            if self._is_short(child):
                end = self._line_end(child.end)
                return Splice(end, end, pad + field)
        return Splice(start, start, field + pad)

    def _is_short(self, node: Node) -> bool:
        """Whether a value stands in one line, which ends after it and perhaps a comment."""
        if node.literal or (node.kind is not Kind.SCALAR and not node.alias):
            return False
        return node.end > node.start and "\n" not in self._text[node.start : node.end]

    def _remove(self, path: Key) -> Splice | None:
        parent, rest = self._deepest(path[:-1])
        name = str(path[-1])
        if rest or name not in parent.keys:
            return None
        start, end = parent.keys[name][0], self._end(parent.children[name])
        if parent.flow:
            return self._remove_flow(parent, start, end)
        if len(parent.keys) == 1:
            before = len(self._text[:start].rstrip())
            if self._text[:before].endswith(":"):
                return Splice(before, end, " {}")
            return Splice(start, end, "{}")
        return self._remove_block(parent, start, end)

    def _remove_flow(self, parent: Node, start: int, end: int) -> Splice:
        later = [key for key, _ in parent.keys.values() if key > start]
        if later:
            return Splice(start, min(later), "")
        before = [child.end for child in parent.children.values() if child.end <= start]
        return Splice(max(before, default=start), end, "")

    def _remove_block(self, parent: Node, start: int, end: int) -> Splice:
        line = self._line_start(start)
        if not self._text[line:start].strip():
            return Splice(line, min(self._line_end(end) + 1, len(self._text)), "")
        # The first of a list's item: the next field takes its place after the dash.
        later = [key for key, _ in parent.keys.values() if key > start]
        return Splice(start, min(later, default=end), "")

    def _rename(self, path: Key, name: str, value: Value) -> Splice | None:
        parent, rest = self._deepest(path[:-1])
        if rest or str(path[-1]) not in parent.keys:
            return None
        if _is_camel(parent):
            name, value = camel(name), render.camelled(value)
        start, column = parent.keys[str(path[-1])]
        end = self._end(parent.children[path[-1]])
        if parent.flow:
            return Splice(start, end, render.flow({name: value}, quoted=self._root.flow)[1:-1])
        return Splice(start, end, render.block(name, value, column))

    def _end(self, node: Node) -> int:
        """Return where a value ends, without the comments and blank lines below it."""
        while node.kind is not Kind.SCALAR and not node.flow and not node.alias:
            node = max(node.children.values(), key=lambda child: child.start)
        if node.literal:
            return len(self._text[: node.end].rstrip())
        return node.end

    def _line_start(self, at: int) -> int:
        return self._text.rfind("\n", 0, at) + 1

    def _line_end(self, at: int) -> int:
        end = self._text.find("\n", at)
        return len(self._text) if end < 0 else end


def _nested(path: Key, value: Value) -> Value:
    for step in reversed(path):
        value = [value] if isinstance(step, int) else {step: value}
    return value


def _is_camel(node: Node) -> bool:
    names = list(node.keys)
    return any(_CAMEL.fullmatch(name) for name in names) and not any("_" in name for name in names)
