"""YAML as configuration needs it: plain data, the line of each value, and no surprises.

A strict part of YAML 1.2: text, whole and decimal numbers, ``true``, ``false``, ``null``, lists
and mappings; so ``hint: no`` is the text "no". A key given twice is a mistake, as are tags, merge
keys and a second document. Nesting, the size of the text and the number of values (aliases counted
in full) are bounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml
from yaml.reader import Reader

from accredit.identity.errors import ConfigError, Mistake
from accredit.identity.yaml_nodes import TOO_DEEP, Composer, Key, Node, Plain, show

__all__ = ["Key", "Lines", "Plain", "load", "show"]

_MAX_BYTES = 8 * 1024 * 1024


class Lines:
    """Where each value of a document stands, counted from 1."""

    def __init__(self, root: Node | None = None) -> None:
        self._root = root

    def line(self, key: Key) -> int | None:
        """Return the line of the value at ``key``, or of the nearest one around it."""
        node = self._root
        if node is None:
            return None
        for step in key:
            child = node.children.get(step)
            if child is None:
                break
            node = child
        return node.line


def load(text: str, path: str) -> tuple[Plain, Lines]:
    """Return the document's data (``None`` for an empty one) and its lines.

    Raises:
        ConfigError: every duplicate key, or the first thing that makes it unreadable.
    """
    if len(text) > _MAX_BYTES:
        raise _refusal(path, None, f"is larger than {_MAX_BYTES} bytes")
    if strange := Reader.NON_PRINTABLE.search(text):
        line = text.count("\n", 0, strange.start()) + 1
        raise _refusal(path, line, f"holds the control character {strange.group()!r}")
    composer = Composer(path, _events(text))
    try:
        root = composer.document()
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise _syntax(error, path) from error
    if composer.mistakes:
        raise ConfigError(composer.mistakes)
    return (None if root is None else root.data), Lines(root)


def _events(text: str) -> Iterator[yaml.Event]:
    # The same grammar in C, where PyYAML was built with it, is ten times as fast.
    kind: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loader = kind(text)
    try:
        while loader.check_event():
            yield loader.get_event()
    finally:
        loader.dispose()


def _syntax(error: Exception, path: str) -> ConfigError:
    if not isinstance(error, yaml.MarkedYAMLError):
        return _refusal(path, None, f"is not YAML: {error}")
    mark = error.problem_mark or error.context_mark
    reason = error.problem or error.context or "unreadable"
    if "maximum nesting depth" in reason:  # libyaml reads ahead, and has a bound of its own
        return _refusal(path, 1 if mark is None else mark.line + 1, TOO_DEEP)
    if "cannot start any token" in reason:
        reason = "a tab, '@', '`' or '%' cannot stand here; indent with spaces, or quote the text"
    return _refusal(path, None if mark is None else mark.line + 1, f"is not YAML: {reason}")


def _refusal(path: str, line: int | None, reason: str) -> ConfigError:
    return ConfigError([Mistake(path, line, "", reason)])
