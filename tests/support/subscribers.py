"""Who wants to be called at a change; the fakes' half of every ``subscribe``."""

from __future__ import annotations

from collections.abc import Callable


class Subscribers:
    """Callbacks, each until its own undo."""

    def __init__(self) -> None:
        self._callbacks: dict[object, Callable[[], None]] = {}

    def __len__(self) -> int:
        return len(self._callbacks)

    def add(self, changed: Callable[[], None]) -> Callable[[], None]:
        token = object()
        self._callbacks[token] = changed

        def undo() -> None:
            self._callbacks.pop(token, None)

        return undo

    def tell(self) -> None:
        for changed in tuple(self._callbacks.values()):
            changed()
