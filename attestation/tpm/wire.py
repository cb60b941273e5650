"""Reading and writing of what TPMs say in bytes: big-endian numbers, sized buffers. Pure."""

from __future__ import annotations

from accredit.identity.errors import AttestationError


class Reader:
    """Reads from front to back, and says what was too short.

    Raises:
        AttestationError: the bytes end early, or do not end where they should.
    """

    def __init__(self, data: bytes, what: str) -> None:
        self._data = data
        self._at = 0
        self._what = what

    def take(self, count: int) -> bytes:
        """Return the next ``count`` bytes."""
        end = self._at + count
        if end > len(self._data):
            raise self.refused("ends early")
        taken = self._data[self._at : end]
        self._at = end
        return taken

    def number(self, size: int) -> int:
        """Return an unsigned number of ``size`` bytes."""
        return int.from_bytes(self.take(size), "big")

    def sized(self, most: int = 1024) -> bytes:
        """Return a buffer with its 2-byte size in front, a TPM2B."""
        size = self.number(2)
        if size > most:
            raise self.refused(f"holds a buffer of {size} bytes, and {most} are allowed")
        return self.take(size)

    def end(self) -> None:
        """Require that nothing follows."""
        if self._at != len(self._data):
            raise self.refused("has bytes behind its end")

    def refused(self, reason: str) -> AttestationError:
        """Return the error for what cannot be read."""
        return AttestationError(f"{self._what} {reason}")


def sized(data: bytes) -> bytes:
    """Return ``data`` with its size in front."""
    return len(data).to_bytes(2, "big") + data
