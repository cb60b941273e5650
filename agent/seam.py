"""The seam between accepting connections and speaking on them.

The listener accepts, identifies and counts; a :class:`Carrier` speaks gRPC or HTTP/1.1. The one for
gRPC runs grpcio behind a relay; a server that reads accepted sockets itself fits the same protocol,
as the one for HTTP/1.1 does.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

from accredit.attestation.workload import Workload


class Connection(Protocol):
    """One accepted connection, as the listener gives it to a carrier."""

    @property
    def sock(self) -> socket.socket:
        """The accepted socket, non-blocking; the carrier owns it once adopted."""
        ...

    @property
    def workload(self) -> Workload:
        """Who is at the other end."""
        ...

    def stream_began(self) -> None:
        """Count one stream.

        Raises:
            UnavailableError: this caller has too many; the request is refused and not counted.
        """
        ...

    def came(self, count: int) -> None:
        """Count bytes that the caller has sent.

        Raises:
            UnavailableError: too many of them wait for the rest of their message; end it.
        """
        ...

    def asked(self, count: int) -> None:
        """Note that a whole message of ``count`` bytes has come.

        It is no connection that only sits there.
        """
        ...

    def stream_ended(self) -> None:
        """Count one stream less."""
        ...

    def ended(self) -> None:
        """Forget the connection; called once, just before its socket is closed."""
        ...


class Carrier(Protocol):
    """What speaks a protocol on accepted sockets and calls what answers."""

    async def start(self, tasks: asyncio.TaskGroup) -> None:
        """Get ready to adopt connections; what it starts runs in ``tasks``.

        Raises:
            StoreError: its private folder cannot be used.
            UnavailableError: it cannot tell callers apart here, so nothing may be served.
        """
        ...

    def adopt(self, connection: Connection) -> Callable[[], None]:
        """Serve a connection until either side ends it; returns what ends it now.

        Raises:
            OSError: out of descriptors, or too busy; the socket is still the caller's to close.
        """
        ...

    async def serve(self) -> None:
        """Return only by an error, when it can carry nothing any more."""
        ...

    async def stop(self, grace: timedelta) -> None:
        """End streams with UNAVAILABLE, let single answers finish within ``grace``, close all."""
        ...
