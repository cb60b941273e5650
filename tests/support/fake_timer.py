"""A kernel timer under a test's command."""

from __future__ import annotations

import os
from datetime import datetime


class FakeTimer:
    """Fires when told; ``set_clock`` fires as if the clock was set, ``missed`` fails one arming."""

    def __init__(self) -> None:
        self._reading, self._writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.armed: list[datetime] = []
        self.missed = False
        self._was_set = False

    def fileno(self) -> int:
        return self._reading

    def arm(self, when: datetime) -> bool:
        self.armed.append(when)
        missed, self.missed = self.missed, False
        return not missed

    def read(self) -> bool:
        os.read(self._reading, 1)
        was_set, self._was_set = self._was_set, False
        return not was_set

    def fire(self) -> None:
        os.write(self._writing, b".")

    def set_clock(self) -> None:
        self._was_set = True
        self.fire()

    def close(self) -> None:
        os.close(self._reading)
        os.close(self._writing)
