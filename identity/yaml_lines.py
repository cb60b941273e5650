"""YAML as configuration needs it: plain data, the line of each value, and no surprises.

A strict part of YAML 1.2: text, whole and decimal numbers, ``true``, ``false``, ``null``, lists
and mappings; so ``hint: no`` is the text "no". A key given twice is a mistake, as are tags, merge
keys and a second document. Nesting, the size of the text and the number of values (aliases counted
in full) are bounded.
"""

from __future__ import annotations

from accredit.identity.errors import ConfigError, Mistake
from accredit.identity.yaml_events import events
from accredit.identity.yaml_nodes import TOO_DEEP, Composer, Node, Plain
from accredit.identity.yaml_tree import Key, show

__all__ = ["Key", "Lines", "Plain", "load", "show"]


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


def load(text: str, path: str, twice: list[Mistake] | None = None) -> tuple[Plain, Lines]:
    """Return the document's data (``None`` for an empty one) and its lines.

    With ``twice`` a duplicate key is added there, and the first one counts.

    Raises:
        ConfigError: every duplicate key, or the first thing that makes it unreadable.
    """
    composer = Composer(path, events(text, path, TOO_DEEP))
    root = composer.document()
    if composer.mistakes and twice is None:
        raise ConfigError(composer.mistakes)
    if twice is not None:
        twice += composer.mistakes
    return (None if root is None else root.data), Lines(root)
