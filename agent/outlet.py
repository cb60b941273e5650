"""A descriptor, such as stderr, that somebody reads who may be slow, or has gone.

Written to directly, a full pipe would stop the event loop, and with it the whole process, until
somebody reads again.
"""

from __future__ import annotations

import atexit
import os
import select
import threading
from collections import deque
from collections.abc import Callable

from accredit.identity.errors import UnavailableError

_MOST_BYTES = 4 << 20
_PATIENCE_AT_END = 2.0


class Outlet:
    """Takes what is to be written and never waits; a thread writes what somebody must wait for.

    What does not fit into ``most_bytes`` is lost, as is what cannot be written. ``lost`` makes a
    line of how many times that was, for those who read on later. At the end of the process what
    is left has ``patience`` seconds to be written.
    """

    def __init__(
        self,
        descriptor: int,
        lost: Callable[[int], bytes],
        most_bytes: int = _MOST_BYTES,
        patience: float = _PATIENCE_AT_END,
    ) -> None:
        """Start the thread.

        Raises:
            UnavailableError: no thread can be started.
        """
        self._descriptor = descriptor
        self._lost = lost
        self._room = most_bytes
        self._patience = patience
        self._losses = 0
        self._waiting: deque[bytes] = deque()
        self._busy = False
        self._changed = threading.Condition()
        try:
            # A daemon: nobody waits at the end for one who does not read.
            threading.Thread(target=self._run, name="outlet", daemon=True).start()
        except RuntimeError as error:
            raise UnavailableError("no thread for the log: allow this process more") from error
        atexit.register(self.drain)

    def write(self, text: str) -> None:
        """Have ``text`` written soon."""
        self.write_bytes(text.encode(errors="backslashreplace"))

    def write_bytes(self, data: bytes) -> None:
        """Have ``data`` written: now if nobody has to be waited for, else soon."""
        with self._changed:
            at_rest = not (self._waiting or self._busy or self._losses)
            rest = self._write_now(data) if at_rest else data
            if len(rest) > self._room:
                self._losses += 1
            elif rest:
                self._room -= len(rest)
                self._waiting.append(rest)
                self._changed.notify_all()

    def _write_now(self, data: bytes) -> bytes:
        """Write what is sure not to have to wait; returns the rest."""
        # A pipe that is writable has room for so much; what is longer could wait in the middle.
        if len(data) > select.PIPE_BUF or not _is_writable(self._descriptor, 0):
            return data
        try:
            return data[os.write(self._descriptor, data) :]
        except OSError:
            return data  # the thread will see why

    def drain(self) -> None:
        """Return when all is written, or the patience is over."""
        with self._changed:
            self._changed.wait_for(lambda: not (self._waiting or self._busy), self._patience)

    def _run(self) -> None:
        while True:
            data = self._next()
            losses = self._wrote(data) if self._write(data) else self._failed(data)
            if losses:
                self._write(self._lost(losses))

    def _next(self) -> bytes:
        with self._changed:
            self._busy = False
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._waiting)
            self._busy = True
            return self._waiting.popleft()

    def _wrote(self, data: bytes) -> int:
        """Return how many losses to tell of, once all that came before them is written."""
        with self._changed:
            self._room += len(data)
            if self._waiting:
                return 0
            losses, self._losses = self._losses, 0
            return losses

    def _failed(self, data: bytes) -> int:
        with self._changed:
            self._room += len(data)
            self._losses += 1
            return 0

    def _write(self, data: bytes) -> bool:
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._descriptor, view) :]
            except BlockingIOError:  # the open file is another's too, who made it so
                _is_writable(self._descriptor, None)
            except OSError:
                return False
        return True


def _is_writable(descriptor: int, timeout: int | None) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return bool(poll.poll(timeout))
