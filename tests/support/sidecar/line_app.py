"""Apps that are not HTTP: one answers each line, one speaks first."""

from __future__ import annotations

import socket

GREETING = b"220 I speak first\r\n"


def talk(sock: socket.socket) -> None:
    """Answer each line."""
    for line in sock.makefile("rb"):
        sock.sendall(b"you said " + line)


def greet(sock: socket.socket) -> None:
    """Speak first, then answer each line."""
    sock.sendall(GREETING)
    talk(sock)
