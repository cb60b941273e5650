"""Who wants to be called after a change."""

from __future__ import annotations

from collections.abc import Callable


class Subscribers:
    """Callbacks, each until its own undo; they are called in the order they came."""

    def __init__(self) -> None:
        self._callbacks: dict[object, Callable[[], None]] = {}

    def add(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call ``changed`` at each :meth:`tell`; returns the undo."""
        token = object()
        self._callbacks[token] = changed
        return lambda: self._remove(token)

    def _remove(self, token: object) -> None:
        self._callbacks.pop(token, None)

    def tell(self) -> None:
        """Call everyone who had subscribed when this began."""
        for changed in tuple(self._callbacks.values()):
            changed()
