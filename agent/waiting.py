"""Connections that have not asked for anything yet, and how long they may go on like that."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from datetime import timedelta
from typing import Generic, TypeVar

T = TypeVar("T")


class Waiting(Generic[T]):
    """Calls ``expired`` for what was added and not removed for ``patience``.

    All wait equally long, so the oldest is always the next: one timer serves any number.
    """

    def __init__(self, patience: timedelta, expired: Callable[[T], None]) -> None:
        self._patience = patience.total_seconds()
        self._expired = expired
        self._deadlines: OrderedDict[T, float] = OrderedDict()
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._deadlines)

    def add(self, item: T) -> None:
        """Start waiting for ``item``."""
        self._deadlines[item] = asyncio.get_running_loop().time() + self._patience
        self._arm()

    def remove(self, item: T) -> None:
        """Stop waiting for ``item``; without effect if nobody does."""
        self._deadlines.pop(item, None)

    def close(self) -> None:
        """Stop waiting for all."""
        self._deadlines.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _arm(self) -> None:
        if self._timer is None and self._deadlines:
            first = next(iter(self._deadlines.values()))
            self._timer = asyncio.get_running_loop().call_at(first, self._expire)

    def _expire(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        while self._deadlines and next(iter(self._deadlines.values())) <= now:
            item, _ = self._deadlines.popitem(last=False)
            self._expired(item)
        self._arm()
