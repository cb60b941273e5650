"""HTTP over a unix socket, with the standard library's client."""

from __future__ import annotations

import http.client
import socket
from pathlib import Path


class UnixConnection(http.client.HTTPConnection):
    """A connection that is kept until it is closed."""

    def __init__(self, path: Path, seconds: float = 30) -> None:
        super().__init__("unix", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))

    def ask(self, target: str, method: str = "GET", **headers: str) -> tuple[int, bytes]:
        self.request(method, target, headers=headers)
        answer = self.getresponse()
        return answer.status, answer.read()


def get(path: Path, target: str) -> tuple[int, bytes]:
    """Ask once, over a connection of its own."""
    connection = UnixConnection(path)
    try:
        return connection.ask(target)
    finally:
        connection.close()
