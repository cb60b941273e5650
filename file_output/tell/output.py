"""What a command wrote: read to its end, and the last of it kept."""

from __future__ import annotations

import asyncio
import os

from accredit.identity.redaction import redact

_READ_BYTES = 64 * 1024
_KEPT_BYTES = 4096
_SHOWN = 600


class Tail:
    """Keeps the last few kilobytes of anything."""

    def __init__(self) -> None:
        self._kept = b""

    def add(self, data: bytes) -> None:
        """Add what came next."""
        self._kept = (self._kept + data)[-_KEPT_BYTES:]

    def text(self) -> str:
        """Return its end as one printable line, with keys and tokens masked."""
        text = redact(self._kept.decode(errors="replace"))
        words = "".join(c if c.isprintable() else " " for c in text).split()
        line = " ".join(words)
        return line if len(line) <= _SHOWN else f"...{line[-_SHOWN:]}"


class Pipe:
    """A pipe whose writing end is for a child; what comes through it is kept by a Tail.

    A child may leave others behind that hold the pipe open: nobody here waits for its end.
    """

    def __init__(self) -> None:
        self.tail = Tail()
        self._reading, self.writing = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._reading, False)
        asyncio.get_running_loop().add_reader(self._reading, self._read)

    def started(self) -> None:
        """Close the writing end, which the child has by now, or never will."""
        if self.writing >= 0:
            os.close(self.writing)
            self.writing = -1

    def close(self) -> None:
        """Take what is there, and close both ends."""
        self.started()
        if self._reading >= 0:
            self._read()
        if self._reading >= 0:
            self._stop()

    def _read(self) -> None:
        try:
            data = os.read(self._reading, _READ_BYTES)
        except BlockingIOError:
            return
        if data:
            self.tail.add(data)
        else:
            self._stop()

    def _stop(self) -> None:
        asyncio.get_running_loop().remove_reader(self._reading)
        os.close(self._reading)
        self._reading = -1
