"""Bounds how many SVIDs of templates are kept: of their instances there is no end."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from accredit.rotation.held import Held

_TRIES = 8


class Instances:
    """Those there are, the one that was asked for longest ago first.

    ``needed`` tells which cannot go just now. Those have a connection each, which is their bound.
    """

    def __init__(self, most: int, needed: Callable[[Held], bool]) -> None:
        self._most = most
        self._needed = needed
        self._held: OrderedDict[str, Held] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    def asked(self, held: Held) -> Held | None:
        """Note that somebody asked for ``held``; return one that is to go for it."""
        if not held.entry.template_id:
            return None
        self._held[held.entry.entry_id] = held
        self._held.move_to_end(held.entry.entry_id)
        return self._one_too_many() if len(self._held) > self._most else None

    def gone(self, entry_id: str) -> None:
        """Forget one."""
        self._held.pop(entry_id, None)

    def _one_too_many(self) -> Held | None:
        for _ in range(min(_TRIES, len(self._held) - 1)):
            entry_id, oldest = next(iter(self._held.items()))
            if not self._needed(oldest):
                return oldest
            self._held.move_to_end(entry_id)
        return None
