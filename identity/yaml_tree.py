"""From YAML events to a tree, whatever its nodes are; bounded before anything is built."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Generic, NoReturn, Protocol, TypeAlias, TypeVar

import yaml

from accredit.identity.errors import ConfigError, Mistake

Key: TypeAlias = tuple[str | int, ...]

_MAX_VALUES = 500_000
_MAX_SHOWN = 100


class Sized(Protocol):
    """A node, and how many values it and its parts hold."""

    size: int


N = TypeVar("N", bound=Sized)


def too_deep(levels: int) -> str:
    """Return what is said of a document that is."""
    return f"is nested deeper than {levels} levels"


def show(key: Key) -> str:
    """Return ``key`` as people write it: ``entries[3].ttl``."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{_word(step)}" for step in key)
    return text.removeprefix(".")


def _word(step: str) -> str:
    # A key may hold anything, escape sequences of a terminal too.
    shown = step if step.isprintable() else repr(step)
    return shown if len(shown) <= _MAX_SHOWN else shown[:_MAX_SHOWN] + "..."


class TreeReader(ABC, Generic[N]):
    """Reads one document; ``mistakes`` holds what it met on the way and could read past."""

    def __init__(self, path: str, events: Iterator[yaml.Event], max_depth: int) -> None:
        self.mistakes: list[Mistake] = []
        self._path = path
        self._events = events
        self._max_depth = max_depth
        self._anchors: dict[str, N] = {}
        self._values = 0

    @abstractmethod
    def _build(self, event: yaml.Event, key: Key) -> N:
        """Return the node that begins with ``event``, its parts read."""

    @abstractmethod
    def _again(self, found: N, event: yaml.Event) -> N:
        """Return the node of an alias for ``found``."""

    def document(self) -> N | None:
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

    def _node(self, event: yaml.Event, key: Key) -> N:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, key)
        self._count(event, key, 1)
        before = self._values
        node = self._build(event, key)
        node.size += self._values - before
        if anchor := getattr(event, "anchor", None):
            self._anchors[anchor] = node
        return node

    def _alias(self, event: yaml.AliasEvent, key: Key) -> N:
        found = self._anchors.get(event.anchor or "")
        if found is None:
            self._refuse(event, key, f"no anchor &{event.anchor} ends before this alias")
        self._count(event, key, found.size)
        return self._again(found, event)

    def _count(self, event: yaml.Event, key: Key, values: int) -> None:
        self._values += values
        if self._values > _MAX_VALUES:
            self._refuse(event, (), f"holds more than {_MAX_VALUES} values, aliases counted")
        if len(key) > self._max_depth:
            self._refuse(event, (), too_deep(self._max_depth))

    def _add(self, event: yaml.Event, key: Key, reason: str) -> None:
        self.mistakes.append(Mistake(self._path, line_of(event), show(key), reason))

    def _refuse(self, event: yaml.Event, key: Key, reason: str) -> NoReturn:
        self._add(event, key, reason)
        raise ConfigError(self.mistakes)


def line_of(event: yaml.Event) -> int:
    """Return where ``event`` begins, from 1."""
    mark = event.start_mark
    return 0 if mark is None else mark.line + 1
