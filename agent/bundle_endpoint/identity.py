"""Who the bundle endpoint is, whichever profile it has."""

from __future__ import annotations

import asyncio
import ssl
from typing import Protocol


class ServerIdentity(Protocol):
    """A component that keeps the server's certificate; ``ready`` is set once there is one."""

    ready: asyncio.Event

    @property
    def name(self) -> str:
        """What the logs call it."""
        ...

    async def run(self) -> None:
        """Keep it fresh until cancelled."""
        ...

    def context(self) -> ssl.SSLContext:
        """Return what the next handshake is made with.

        Raises:
            UnavailableError: there is no certificate that is valid just now.
        """
        ...
