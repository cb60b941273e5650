"""Ports for real programs, which have to be named before anybody listens."""

from __future__ import annotations

import random
import socket

# Below those the kernel gives to connections: one of them would soon be some client's own.
_FIRST, _LAST = 12_000, 32_000
_random = random.SystemRandom()


def free_port() -> int:
    """Return a port of 127.0.0.1 where nobody listens, and where nobody else is likely to."""
    while True:
        port = _random.randint(_FIRST, _LAST)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
