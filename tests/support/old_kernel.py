"""A kernel from before Linux 6.5, as far as asking for a peer goes."""

from __future__ import annotations

import errno
import socket
from typing import Any

_SO_PEERPIDFD = 77


class OldKernelSocket:
    """A socket that does not know SO_PEERPIDFD."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def fileno(self) -> int:
        return self._sock.fileno()

    def getsockopt(self, level: int, option: int, *size: int) -> Any:
        if option == _SO_PEERPIDFD and self._sock.fileno() >= 0:
            raise OSError(errno.ENOPROTOOPT, "Protocol not available")
        return self._sock.getsockopt(level, option, *size)
