"""Edits applied to a text, and proven: it must read as before, but for the edits."""

from __future__ import annotations

import json
from bisect import bisect
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from accredit.envoy.lint.composer import compose
from accredit.envoy.lint.edit import Edit, Rename, Set, Value
from accredit.envoy.lint.node import Data, Kind, Node
from accredit.envoy.lint.place import snake
from accredit.envoy.lint.splice import Splice, Splicer
from accredit.identity.errors import ConfigError
from accredit.identity.yaml_tree import Key

Change: TypeAlias = tuple[Splice, Edit]

_MAX_PROOFS = 200  # each reads the whole text


def changed(text: str, root: Node, edits: Sequence[Edit]) -> str:
    """Return ``text`` with as many of ``edits`` as can be made at once, perhaps none.

    ``root`` is what ``text`` holds. Edits that get into each other's way are left for the next
    call; so are, for good, those that would change more than they should.
    """
    chosen = _chosen(Splicer(text, root), edits)
    return _Proof(text, root).best(list(chosen.items()))


def _chosen(splicer: Splicer, edits: Sequence[Edit]) -> dict[Splice, Edit]:
    """Return the changes of text that do not touch each other, the first ones first."""
    chosen: dict[Splice, Edit] = {}
    taken: list[tuple[int, int]] = []
    for edit in edits:
        splice = splicer.splice(edit)
        if splice is None:
            continue
        span = (splice.start, splice.end)
        at = bisect(taken, span)
        if all(_are_apart(span, other) for other in taken[max(at - 1, 0) : at + 1]):
            taken.insert(at, span)
            chosen[splice] = edit
    return chosen


def _are_apart(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] != other[0] and (one[1] <= other[0] or other[1] <= one[0])


def _spliced(text: str, splices: Iterable[Splice]) -> str:
    parts, done = [], 0
    for splice in sorted(splices, key=lambda each: each.start):
        parts += [text[done : splice.start], splice.text]
        done = splice.end
    return "".join([*parts, text[done:]])


class _Proof:
    """Tells the changes that do what they should from those that do not."""

    def __init__(self, text: str, root: Node) -> None:
        self._text = text
        self._root = root
        self._left = _MAX_PROOFS

    def best(self, chosen: list[Change]) -> str:
        """Return the text with every change that does only what it should."""
        sound = self._sound(chosen)
        self._left = max(self._left, 1)
        return self._proven(sound) or self._text

    def _sound(self, chosen: list[Change]) -> list[Change]:
        if not chosen or self._proven(chosen) is not None:
            return chosen
        half = len(chosen) // 2
        return self._sound(chosen[:half]) + self._sound(chosen[half:]) if half else []

    def _proven(self, chosen: list[Change]) -> str | None:
        self._left -= 1
        if self._left < 0:
            return None
        result = _spliced(self._text, [splice for splice, _ in chosen])
        try:
            found = compose(result, "")
        except ConfigError:
            return None
        wanted = _plain(self._root, {})
        for _, edit in chosen:
            _apply(wanted, edit)
        return result if _plain(found, {}) == wanted else None


def _plain(node: Node, known: dict[int, Data]) -> Data:
    """Return the plain value with proto field names; what aliases share is one object, as there."""
    if node.kind is Kind.SCALAR:
        return node.scalar
    key = id(node.children)
    if key not in known:
        parts = [(snake(str(name)), _plain(child, known)) for name, child in node.children.items()]
        is_list = node.kind is Kind.LIST
        known[key] = [part for _, part in parts] if is_list else dict(parts)
    return known[key]


def _apply(data: Data, edit: Edit) -> None:
    *way, last = edit.place.path
    if isinstance(edit, Set):
        _put(data, edit.place.path, _texts(edit.value))
        return
    for step in way:
        data = _part(data, step)
    assert isinstance(data, dict)  # noqa: S101  what has fields
    data.pop(snake(str(last)), None)
    if isinstance(edit, Rename):
        data[edit.name] = _texts(edit.value)


def _put(data: Data, path: Key, value: Data) -> None:
    """Put ``value`` at ``path``, the part of which that is missing is made."""
    for depth, step in enumerate(path, 1):
        inner = _part(data, step)
        if depth == len(path) or inner is None:
            _store(data, step, _nested(path[depth:], value))
            return
        data = inner


def _nested(path: Key, value: Data) -> Data:
    for step in reversed(path):
        value = [value] if isinstance(step, int) else {snake(step): value}
    return value


def _part(data: Data, step: str | int) -> Data:
    if isinstance(data, dict):
        return data.get(snake(str(step)))
    if isinstance(data, list) and isinstance(step, int) and step < len(data):
        return data[step]
    return None


def _store(data: Data, step: str | int, value: Data) -> None:
    if isinstance(data, dict):
        data[snake(str(step))] = value
    elif isinstance(data, list) and isinstance(step, int):
        data[step : step + 1] = [value]


def _texts(value: Value) -> Data:
    match value:
        case dict():
            return {name: _texts(each) for name, each in value.items()}
        case list():
            return [_texts(each) for each in value]
        case str():
            return value
        case _:
            return json.dumps(value)
