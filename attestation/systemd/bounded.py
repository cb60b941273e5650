"""A bus connection that takes no descriptors, no large messages and no flood, from nobody.

Who may send on a bus may send to us: messages as large as the bus admits, which is megabytes; so
many that reading them never ends; and descriptors, which stay open if their message is cut short.
"""

from __future__ import annotations

import io
import socket
from pathlib import Path
from urllib.parse import quote

from dbus_fast.aio import MessageBus

# Far more than the answers to us have.
MAX_BYTES = 1 << 16
MAX_READS = 512


class _Bounded(socket.socket):
    """As the library reads: first the size of a message, then exactly the rest of it."""

    _reads = 0

    def recvmsg(  # type: ignore[override]  # the library gives no flags
        self, bufsize: int, ancbufsize: int = 0
    ) -> tuple[bytes, list[tuple[int, int, bytes]], int, object]:
        del ancbufsize  # without room for descriptors the kernel gives none
        if bufsize > MAX_BYTES:
            raise ValueError(f"somebody sent a message of {bufsize} bytes")
        self._reads += 1
        if self._reads > MAX_READS:
            raise ValueError("somebody sent too many messages")
        return super().recvmsg(bufsize)


class BoundedBus(MessageBus):
    """The library's bus over such a socket; ``bounded`` says that it really is, once connected."""

    __slots__ = ("_path", "bounded")

    def __init__(self, path: Path) -> None:
        # Descriptors can be sent then, which is what we want, and received, which we do not.
        super().__init__(f"unix:path={quote(str(path))}", negotiate_unix_fd=True)
        self.bounded = False
        self._path = path

    def _create_socket_for_transport(  # type: ignore[override]  # static in the library
        self, *_: object
    ) -> tuple[socket.socket, io.BufferedRWPair, str]:
        bounded = _Bounded(socket.AF_UNIX, socket.SOCK_STREAM)
        self.bounded = True
        return bounded, bounded.makefile("rwb"), str(self._path)
