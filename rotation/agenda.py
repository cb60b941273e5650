"""What to do when: keys with one time each, soonest first. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Iterator
from datetime import datetime
from itertools import count
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
_SLACK = 64


class Agenda(Generic[K]):
    """Setting a key again moves it; setting, dropping and taking cost O(log n)."""

    def __init__(self) -> None:
        self._times: dict[K, tuple[datetime, int]] = {}
        self._heap: list[tuple[datetime, int, K]] = []
        self._serials = count()

    def __len__(self) -> int:
        return len(self._times)

    def set(self, key: K, when: datetime) -> None:
        """Put ``key`` down for ``when``."""
        # The serial keeps keys of one time in their order and is never equal: keys need no order.
        self._times[key] = place = (when, next(self._serials))
        heapq.heappush(self._heap, (*place, key))
        if len(self._heap) > 2 * len(self._times) + _SLACK:
            self._heap = [(when, serial, key) for key, (when, serial) in self._times.items()]
            heapq.heapify(self._heap)

    def drop(self, key: K) -> None:
        """Take ``key`` off, if it is on."""
        self._times.pop(key, None)

    def when(self, key: K) -> datetime | None:
        """Return the time of ``key``."""
        place = self._times.get(key)
        return place[0] if place else None

    def next(self) -> datetime | None:
        """Return the soonest time."""
        while self._heap:
            when, serial, key = self._heap[0]
            if self._times.get(key) == (when, serial):
                return when
            heapq.heappop(self._heap)
        return None

    def take_due(self, now: datetime) -> Iterator[K]:
        """Take every key whose time has come, soonest first; those set meanwhile as well."""
        while (when := self.next()) is not None and when <= now:
            _, _, key = heapq.heappop(self._heap)
            del self._times[key]
            yield key
