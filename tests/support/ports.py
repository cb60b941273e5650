"""Ports for real programs, which have to be named before anybody listens."""

from __future__ import annotations

import os
import random
import re
import socket

# Below those the kernel gives to connections: one of them would soon be some client's own.
_FIRST, _LAST = 12_000, 32_000
_WORKERS = 8
_random = random.SystemRandom()
_given: set[int] = set()


def free_port() -> int:
    """Return a port of 127.0.0.1 where nobody listens, and nobody else will.

    No other test of this run gets it: it may be a while until somebody listens there.
    """
    mine = int(re.sub(r"\D", "", os.environ.get("PYTEST_XDIST_WORKER", "")) or 0) % _WORKERS
    while True:
        port = _random.randrange(_FIRST + mine, _LAST, _WORKERS)
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            _given.add(port)
            return port
