"""What was made lately, so that it need not be made again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Recent(Generic[T]):
    """At most ``room`` things by key; what was used longest ago goes first."""

    room: int
    _kept: OrderedDict[Hashable, T] = field(default_factory=OrderedDict)

    def memo(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what ``make`` once returned for ``key``, or make it."""
        if key not in self._kept:
            self._kept[key] = make()
            if len(self._kept) > self.room:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]
