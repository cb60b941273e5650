"""gRPC by grpcio, behind a relay that tells it who calls.

grpcio hides the sockets it accepts. So each accepted connection is relayed to a private listener
of grpcio's, from a socket that we bind to a name of its own; grpcio gives that name back as
``context.peer()``. A name counts only while it is in our table; it is in our table only while our
own socket holds it; and the kernel lets nobody else hold it meanwhile. So the proof does not rest
on a name being secret, and a direct connection to the private listener gets nothing.
"""

from __future__ import annotations

import secrets
import shutil
import socket
import tempfile
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

from grpc import aio

from accredit.agent.handlers import Handlers
from accredit.agent.limits import Limits
from accredit.agent.relay import Relay
from accredit.agent.seam import Connection
from accredit.identity.errors import AttestationError, StoreError
from accredit.rotation.delivery import Service

_PEER_PREFIX = "unix-abstract:"


class GrpcTransport:
    """Carries ``services`` over relayed connections; a Carrier."""

    def __init__(self, services: Sequence[Service], limits: Limits, private_dir: Path) -> None:
        self._limits = limits
        self._private_dir = private_dir
        self._handlers = Handlers(services, self._find)
        self._live: dict[str, Connection] = {}

    async def start(self) -> None:
        """Listen on a socket that only this user can reach."""
        self._private_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = Path(tempfile.mkdtemp(prefix="grpc-", dir=self._private_dir))
        self._address = str(self._folder / "s")
        self._server = aio.server(options=_options(self._limits))
        self._server.add_generic_rpc_handlers((self._handlers,))
        if not self._server.add_insecure_port(f"unix:{self._address}"):
            raise StoreError(self._address, "grpcio cannot listen here")
        await self._server.start()
        self._relay = Relay()

    def adopt(self, connection: Connection) -> Callable[[], None]:
        """Relay a connection to grpcio, from a socket with a name of its own."""
        name = f"accredit-{secrets.token_hex(16)}"
        kind = socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        inner = socket.socket(socket.AF_UNIX, kind)
        try:
            inner.bind(f"\0{name}")
            self._live[name] = connection  # before it can be heard of
            inner.connect(self._address)
            link = self._relay.add(connection.sock, inner, partial(self._forget, name))
        except BaseException:
            self._live.pop(name, None)
            inner.close()
            raise
        return partial(self._relay.drop, link)

    async def stop(self, grace: timedelta) -> None:
        """End streams with UNAVAILABLE, let single answers finish within ``grace``, close all."""
        self._handlers.stop_streams()
        await self._server.stop(grace.total_seconds())
        self._relay.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _forget(self, name: str) -> None:
        self._live.pop(name).ended()

    def _find(self, peer: str) -> Connection:
        connection = None
        if peer.startswith(_PEER_PREFIX):
            connection = self._live.get(peer.removeprefix(_PEER_PREFIX))
        if connection is None:
            raise AttestationError("the caller of this connection is not known")
        return connection


def _options(limits: Limits) -> list[tuple[str, int]]:
    return [
        ("grpc.so_reuseport", 0),
        ("grpc.max_concurrent_streams", limits.streams_per_connection),
        ("grpc.max_receive_message_length", limits.message_bytes),
        ("grpc.max_metadata_size", limits.header_bytes),
        ("grpc.absolute_max_metadata_size", limits.header_bytes),
        # Envoy's keep-alive pings would otherwise be answered with GOAWAY (too_many_pings).
        ("grpc.http2.max_ping_strikes", 0),
    ]
